#include "capture/collect/core_stream.h"

#include <elf.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "binary/elf/file.h"

namespace inquest::capture {
namespace {

constexpr size_t kMaxHead = 512 << 20;  // bytes: some 100,000 threads
// struct elf_prstatus, the same on x86-64 and AArch64 up to pr_reg.
constexpr size_t kSignalAt = 12, kPidAt = 32, kRegistersAt = 112;
#if defined(__x86_64__)
constexpr size_t kRegistersSize = 216;
constexpr uint32_t kExtendedType = NT_X86_XSTATE;
#else
constexpr size_t kRegistersSize = 272;
constexpr uint32_t kExtendedType = NT_ARM_SVE;
#endif

Bytes copy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

Status CoreStream::read_to(size_t size) {
  if (size > kMaxHead) {
    return Error(
        ErrorCode::kTooLarge,
        fmt::format("the notes of the core end at {:#x}: that is no core of the kernel", size));
  }
  const size_t had = head_.size();
  if (size <= had) return {};
  head_.resize(size);
  for (size_t at = had; at < size;) {
    const ssize_t got = read(fd_, head_.data() + at, size - at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::io("reading the core from the kernel", errno);
    if (got == 0) {
      head_.resize(at);
      return Error(ErrorCode::kTruncated,
                   fmt::format("the core ends after {} bytes, in its notes", at));
    }
    at += static_cast<size_t>(got);
  }
  return {};
}

Status CoreStream::read_head() {
  INQ_TRY_STATUS(read_to(sizeof(Elf64_Ehdr)));
  Elf64_Ehdr header;
  std::memcpy(&header, head_.data(), sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_type != ET_CORE ||
      header.e_phentsize != sizeof(Elf64_Phdr))
    return Error(ErrorCode::kCorrupt, "what came is no 64-bit ELF core");
  // With more than 65,534 segments their number stands at the far end of the core.
  if (header.e_phnum == PN_XNUM)
    return Error(ErrorCode::kUnsupported, "the core has more than 65,534 segments");
  const size_t table = header.e_phoff, count = header.e_phnum;
  INQ_TRY_STATUS(read_to(table + count * sizeof(Elf64_Phdr)));
  std::pair<size_t, size_t> notes;  // where, and how long
  for (size_t i = 0; i < count; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, head_.data() + table + i * sizeof(segment), sizeof(segment));
    if (segment.p_offset > UINT64_MAX - segment.p_filesz) continue;
    promised_ = std::max(promised_, segment.p_offset + segment.p_filesz);
    if (segment.p_type == PT_LOAD) dumped_[segment.p_vaddr] = segment.p_filesz != 0;
    if (segment.p_type == PT_NOTE) notes = {segment.p_offset, segment.p_filesz};
  }
  INQ_TRY_STATUS(read_to(notes.first + notes.second));
  return read_notes(ByteView(head_).subspan(notes.first, notes.second));
}

Status CoreStream::read_notes(ByteView notes) {
  const auto take = [&](const elf::Note& note) {
    const ByteView bytes = note.description;
    if (note.name == "CORE" && note.type == NT_PRSTATUS &&
        bytes.size() >= kRegistersAt + kRegistersSize) {
      if (threads_.empty()) signal_ = *load<int16_t>(bytes, kSignalAt);
      ThreadState& thread = threads_.emplace_back();
      thread.tid = *load<int32_t>(bytes, kPidAt);
      thread.stopped = true;
      thread.registers = copy(bytes.subspan(kRegistersAt, kRegistersSize));
      note_pc_and_sp(thread);
    } else if (threads_.empty()) {
      return true;
    } else if (note.name == "CORE" && note.type == NT_FPREGSET) {
      threads_.back().float_registers = copy(bytes);
    } else if (note.name == "CORE" && note.type == NT_SIGINFO) {
      threads_.front().siginfo = copy(bytes);
    } else if (note.name == "LINUX" && note.type == kExtendedType) {
      threads_.back().extended = copy(bytes);
    } else if (note.name == "LINUX" && note.type == NT_ARM_TLS) {
      threads_.back().tls = copy(bytes);
    }
    return true;
  };
  INQ_TRY_STATUS(elf::for_each_note(notes, 4, take));
  if (threads_.empty()) return Error(ErrorCode::kCorrupt, "the core tells of no thread");
  return {};
}

Result<bool> CoreStream::pump(std::chrono::steady_clock::time_point deadline,
                              const std::function<Status(ByteView)>& take) {
  using std::chrono::milliseconds;
  Bytes piece(kPiece);
  for (size_t filled = 0;;) {
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
    const bool late = left.count() <= 0 || poll(&ready, 1, static_cast<int>(left.count())) == 0;
    const ssize_t got = late ? 0 : read(fd_, piece.data() + filled, piece.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::io("reading the core from the kernel", errno);
    filled += static_cast<size_t>(got);
    if (filled < piece.size() && got != 0) continue;
    if (filled > 0) INQ_TRY_STATUS(take(ByteView(piece).first(filled)));
    if (got == 0) return !late;
    filled = 0;
  }
}

}  // namespace inquest::capture
