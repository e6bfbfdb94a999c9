#include "capture/supervise/own_account.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "capture/wire/crash_request.h"

namespace inquest::capture {
namespace {

constexpr uint64_t kMaxBytes = 64 << 20;
constexpr size_t kMaxText = 4 << 20;
constexpr size_t kRegistersSize = 272;  // the larger of both architectures

void append(std::string& text, ByteView bytes) {
  const size_t room = kMaxText - std::min(kMaxText, text.size());
  text.append(reinterpret_cast<const char*>(bytes.data()), std::min(room, bytes.size()));
}

void add_memory(uint64_t address, ByteView bytes, std::map<uint64_t, Bytes>& memory) {
  auto after = memory.upper_bound(address);
  if (after != memory.begin()) {
    auto& [start, run] = *std::prev(after);
    if (start + run.size() == address) {
      run.insert(run.end(), bytes.begin(), bytes.end());
      return;
    }
  }
  memory.emplace(address, Bytes(bytes.begin(), bytes.end()));
}

// Whole pages only: what is told of a part of one cannot be laid out.
void take_pages(const std::map<uint64_t, Bytes>& memory, PageStore& pages) {
  for (const auto& [start, run] : memory) {
    const uint64_t skipped = (kPage - start % kPage) % kPage;
    for (uint64_t at = skipped; at + kPage <= run.size(); at += kPage) {
      pages.add(Address(start + at), ByteView(run).subspan(at, kPage));
    }
  }
}

}  // namespace

bool add_piece(ByteView packet, OwnAccount& account) {
  const auto head = load<inquest_memory_piece>(packet);
  if (!head || head->size == 0) {
    account.complete = account.complete || (head && head->kind == INQUEST_PIECE_MEMORY);
    return false;
  }
  ByteView bytes = packet.subspan(sizeof *head);
  bytes = bytes.first(std::min<size_t>(bytes.size(), head->size));
  switch (head->kind) {
    case INQUEST_PIECE_MEMORY:
      add_memory(head->address, bytes, account.memory);
      break;
    case INQUEST_PIECE_UCONTEXT:
      account.ucontext.assign(bytes.begin(), bytes.end());
      break;
    case INQUEST_PIECE_SIGINFO:
      account.siginfo.assign(bytes.begin(), bytes.end());
      break;
    case INQUEST_PIECE_MAPS:
      append(account.maps, bytes);
      break;
    case INQUEST_PIECE_ANNOTATIONS:
      append(account.annotations, bytes);
      break;
    case INQUEST_PIECE_AUXV:
      append(account.auxv, bytes);
      break;
    default:
      break;  // of a later version
  }
  return true;
}

OwnAccount receive_account(int connection, std::chrono::steady_clock::time_point deadline) {
  using std::chrono::steady_clock;
  OwnAccount account;
  Bytes packet(INQUEST_PACKET_BYTES);
  uint64_t total = 0;
  while (total < kMaxBytes) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    pollfd waiting{.fd = connection, .events = POLLIN, .revents = 0};
    const auto pause = static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
    const int ready = ::poll(&waiting, 1, pause);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    const ssize_t got = ::recv(connection, packet.data(), packet.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) break;
    total += static_cast<uint64_t>(got);
    if (!add_piece(ByteView(packet).first(static_cast<size_t>(got)), account)) break;
  }
  return account;
}

Result<Captured> captured_of(const Proc& process, pid_t tid, int signal, OwnAccount account,
                             const std::string& why) {
  ThreadState thread;
  thread.tid = tid;
  thread.stopped = true;
  thread.no_thread_pointer = true;
#if defined(__x86_64__)
  thread.registers.resize(kRegistersSize - 56);  // struct user_regs_struct
#else
  thread.registers.resize(kRegistersSize);
#endif
  if (!use_signal_context(thread, account.ucontext, account.siginfo)) {
    return Error(ErrorCode::kTruncated, why + "; and it did not tell its registers");
  }
  Captured captured;
  captured.pid = process.pid();
  captured.signal = signal;
  captured.how = "own account";
  captured.captured_at = now_text();
  if (const auto status = process.read("status", 64 << 10); status.ok()) {
    captured.circumstances.status = parse_status(*status);
    thread.name = captured.circumstances.status.name;
  }
  captured.circumstances.maps = std::move(account.maps);
  captured.circumstances.auxv = std::move(account.auxv);
  captured.circumstances.filter = kDefaultFilter;
  read_the_rest(process, captured.circumstances);
  captured.mappings = parse_maps(captured.circumstances.maps);
  captured.threads.push_back(std::move(thread));
  captured.annotations = parse_annotations(
      {reinterpret_cast<const uint8_t*>(account.annotations.data()), account.annotations.size()});
  take_pages(account.memory, captured.pages);
  captured.left_out.push_back({"other threads, and memory that the process did not send", why});
  if (!account.complete) captured.left_out.push_back({"the end of its account", "it broke off"});
  captured.fidelity = captured.pages.size() == 0 ? Fidelity::kRegistersOnly : Fidelity::kSlim;
  scrub_environment_in(captured.pages, captured.circumstances);
  return captured;
}

}  // namespace inquest::capture
