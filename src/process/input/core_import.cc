// An ELF core becomes a ProcessImage.
#include <fmt/format.h>

#include <algorithm>

#include "binary/elf/file.h"
#include "process/input/core_findings.h"
#include "process/input/core_mappings.h"
#include "process/input/core_notes.h"
#include "process/input/load.h"
#include "process/input/reject.h"

namespace inquest::process {
namespace {

constexpr uint64_t kSniffed = 512;
constexpr uint64_t kMaxPath = 4096;
constexpr uint16_t kEmX86_64 = 62;
constexpr uint64_t kAtPhdr = 3, kAtEntry = 9, kAtExecfn = 31;

// gdb writes its cores with BFD, which adds section headers; the kernel has none (one when there
// are more than 65,534 segments). qemu-user writes three kinds of notes only.
Producer producer_of(const elf::File& core, const CoreNotes& notes) {
  if (notes.record.present()) return Producer::kInquest;
  if (core.sections().size() > 1) return Producer::kGcore;
  if (!notes.has_files && !notes.has_siginfo && !notes.has_float_registers) {
    return Producer::kQemuUser;
  }
  if (core.find_section("note0") != nullptr) return Producer::kGcore;
  // gdb's section headers come last, so a truncated core has lost them; its notes are not aligned.
  for (const elf::Segment& segment : core.segments()) {
    if (segment.type == 4 /* PT_NOTE */ && segment.align == 1) return Producer::kGcore;
  }
  return Producer::kKernel;
}

// The thread whose siginfo is the signal that the kernel was delivering, else the first with a
// signal. The kernel writes the crashed thread first, and its signal number into every thread.
size_t find_crashed_thread(const CoreNotes& notes) {
  for (size_t i = 0; i < notes.threads.size(); ++i) {
    const auto& entry = notes.threads[i];
    if (entry.thread.signal && entry.current_signal != 0 &&
        entry.thread.signal->number == entry.current_signal) {
      return i;
    }
  }
  for (size_t i = 0; i < notes.threads.size(); ++i) {
    if (notes.threads[i].current_signal != 0) return i;
  }
  return 0;
}

void take_threads(CoreNotes& notes, ProcessImage& image) {
  image.crashed_thread = find_crashed_thread(notes);
  const auto& crashed = notes.threads[image.crashed_thread];
  if (crashed.current_signal != 0) {
    image.signal.number = crashed.current_signal;
    if (crashed.thread.signal && crashed.thread.signal->number == crashed.current_signal) {
      image.signal = *crashed.thread.signal;
    }
  }
  image.threads.reserve(notes.threads.size());
  for (auto& entry : notes.threads) image.threads.push_back(std::move(entry.thread));
}

// Old versions of gcore do not know the thread pointer and write what they like. The right one
// points at itself (ELF TLS ABI, variant II).
void check_thread_pointers(ProcessImage& image) {
  if (image.producer != Producer::kGcore || image.arch != isa::Arch::kX86_64) return;
  for (Thread& thread : image.threads) {
    const auto base = thread.registers.get(isa::x86::kFsBase);
    if (base && image.memory->load<uint64_t>(Address(*base)) != base) {
      thread.registers.forget(isa::x86::kFsBase);
    }
  }
}

std::string find_executable(const ProcessImage& image) {
  for (const uint64_t type : {kAtPhdr, kAtEntry}) {
    const auto entry = image.auxv.find(type);
    if (entry == image.auxv.end()) continue;
    const Mapping* mapping = image.mapping_at(Address(entry->second));
    if (mapping != nullptr && !mapping->path.empty() && mapping->path[0] != '[') {
      return mapping->path;
    }
  }
  const auto entry = image.auxv.find(kAtExecfn);
  if (entry == image.auxv.end()) return {};
  return image.memory->load_c_string(Address(entry->second), kMaxPath).value_or("");
}

Error no_threads(const elf::File& core, bool cut) {
  const uint64_t lost = core.truncated();
  if (lost == 0 && !cut) {
    return {ErrorCode::kCorrupt, "the core holds no thread (no NT_PRSTATUS)"};
  }
  const uint64_t size = core.bytes().size();
  std::string text = fmt::format(
      "the core is cut off before the registers of its first thread ({} of {} bytes are there)",
      size, size + lost);
  const auto& segments = core.segments();
  if (segments.size() > 1 && segments[0].type == 4 && segments[0].offset > segments[1].offset) {
    text += ": gdb writes registers last, so nothing can be told from a part; copy the core again";
  }
  return {ErrorCode::kTruncated, std::move(text)};
}

}  // namespace

Result<ProcessImage> load_core(ByteView core, const std::string& source) {
  const ByteView start = core.first(std::min<uint64_t>(core.size(), kSniffed));
  if (auto error = reject_input(start, core.size())) return std::move(*error).with_context(source);
  auto parsed = elf::File::parse(core);
  if (!parsed.ok()) return std::move(parsed).error().with_context(source);
  const elf::File& file = *parsed;

  ProcessImage image;
  image.source = source;
  image.arch = file.machine() == kEmX86_64 ? isa::Arch::kX86_64 : isa::Arch::kAArch64;
  CoreNotes notes = read_core_notes(file, image.arch);
  if (notes.threads.empty()) return no_threads(file, notes.cut).with_context(source);
  image.producer = producer_of(file, notes);
  image.pid = notes.pid != 0 ? notes.pid : notes.threads.front().thread.tid;
  image.uid = notes.uid;
  image.gid = notes.gid;
  image.command = notes.command;
  image.arguments = notes.arguments;
  image.auxv = notes.auxv;
  take_threads(notes, image);

  CoreMappings crossed;
  if (notes.record.maps.empty()) {
    crossed = cross_mappings(file, notes.files);
    image.mappings = std::move(crossed.mappings);
    image.memory = std::make_unique<CoreMemory>(core, std::move(crossed.pieces));
  } else {
    RecordMappings kept = cross_record_mappings(file, notes.record.maps, &notes.unreadable);
    image.mappings = std::move(kept.mappings);
    image.memory = std::make_unique<CoreMemory>(core, std::move(kept.pieces), Missing::kUnmapped,
                                                Missing::kNotKept);
  }
  check_thread_pointers(image);
  name_special_mappings(image);
  image.executable = find_executable(image);
  if (!notes.record.json.empty() && !read_record_json(notes.record.json, image)) {
    ++notes.unreadable;
  }
  note_findings(file, notes, crossed, image);
  return image;
}

}  // namespace inquest::process
