#include "process/input/minidump_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <unordered_map>

#include "process/input/minidump_annotations.h"
#include "process/input/minidump_context.h"
#include "process/input/minidump_file.h"
#include "process/input/minidump_linux.h"
#include "process/input/minidump_memory.h"
#include "process/input/minidump_modules.h"
#include "process/input/minidump_signal.h"
#include "process/input/minidump_system.h"

namespace inquest::process {
namespace {

namespace isa_x86 = isa::x86;

constexpr uint64_t kThreadSize = 48;  // MINIDUMP_THREAD
constexpr uint64_t kThreadBlockAt = 16, kStackAt = 24, kStackPlaceAt = 32, kContextAt = 40;
constexpr uint64_t kThreadNameSize = 12;       // packed: thread, 64-bit rva
constexpr uint64_t kExceptionContextAt = 160;  // behind MINIDUMP_EXCEPTION
constexpr uint64_t kAtPhdr = 3, kAtEntry = 9;
constexpr size_t kMaxArguments = 79;  // as a core has them (pr_psargs)
constexpr size_t kMaxCommand = 15;
constexpr uint32_t kHasProcessId = 1;  // MINIDUMP_MISC1_PROCESS_ID

Producer producer_of(const MinidumpFile& file) {
  if (file.has(minidump::kCrashpadInfo)) return Producer::kCrashpad;
  if (file.has(minidump::kLinuxMaps) || file.has(minidump::kLinuxProcStatus) ||
      file.has(minidump::kLinuxCpuInfo)) {
    return Producer::kBreakpad;
  }
  return Producer::kMinidump;
}

class Importer {
 public:
  explicit Importer(const MinidumpFile& file) : file_(file) {}

  Status run(ProcessImage& image) {
    INQ_TRY(const MinidumpSystem system, read_minidump_system(file_));
    image.arch = system.arch;
    image.producer = producer_of(file_);
    image.system = system.kernel;
    read_process(image);
    read_threads(image);
    read_thread_names(image);
    take_exception(image);
    if (image.threads.empty()) return no_threads();
    take_modules(image);
    take_memory(image);
    image.annotations = read_annotations(file_);
    image.executable = find_executable(image);
    if (image.command.empty()) name_command(image);
    note_findings(image);
    return {};
  }

 private:
  void read_process(ProcessImage& image) {
    const ByteView misc = file_.stream(minidump::kMiscInfo);
    if ((load<uint32_t>(misc, 4).value_or(0) & kHasProcessId) != 0) {
      image.pid = load<int32_t>(misc, 8).value_or(0);
    }
    status_ = read_proc_status(file_.stream(minidump::kLinuxProcStatus));
    if (status_.pid) image.pid = *status_.pid;
    image.uid = status_.uid;
    image.gid = status_.gid;
    image.command = status_.name;
    image.arguments = read_command_line(file_.stream(minidump::kLinuxCommandLine), kMaxArguments);
    image.auxv = read_auxv(file_.stream(minidump::kLinuxAuxv));
    const std::string distribution = read_distribution(file_.stream(minidump::kLinuxLsbRelease));
    if (!distribution.empty()) {
      image.system += fmt::format("{}{}", image.system.empty() ? "" : ", ", distribution);
    }
  }

  void read_threads(ProcessImage& image) {
    for (const ByteView entry : file_.list(minidump::kThreadList, kThreadSize)) {
      if (image.threads.size() >= kMaxMinidumpThreads) {
        ++unusable_;
        continue;
      }
      Thread thread;
      thread.tid = *load<int32_t>(entry);
      thread.registers = isa::RegisterFile(image.arch);
      set_context(file_.whole(location_at(entry, kContextAt)), thread);
      set_thread_pointer(*load<uint64_t>(entry, kThreadBlockAt), thread);
      const minidump::Location stack = location_at(entry, kStackPlaceAt);
      const uint64_t start = *load<uint64_t>(entry, kStackAt);
      const auto end = checked_add(start, stack.size);
      if (stack.size != 0 && end) {
        ranges_.push_back({{Address(start), Address(*end)}, stack.rva, true});
      }
      image.threads.push_back(std::move(thread));
    }
  }

  static bool set_context(ByteView bytes, Thread& thread) {
    auto context = read_minidump_context(bytes, thread.registers.arch());
    if (!context) return false;
    thread.registers = context->registers;
    thread.vector_state = std::move(context->vector_state);
    return true;
  }

  // Crashpad's "thread environment block" is the thread pointer. Breakpad writes 0.
  void set_thread_pointer(uint64_t value, Thread& thread) const {
    if (value == 0 || !file_.has(minidump::kCrashpadInfo)) return;
    const bool x86 = thread.registers.arch() == isa::Arch::kX86_64;
    thread.registers.set(x86 ? isa_x86::kFsBase : isa::a64::kTpidr, value);
  }

  void read_thread_names(ProcessImage& image) {
    std::unordered_map<int32_t, std::string> names;
    for (const ByteView entry : file_.list(minidump::kThreadNames, kThreadNameSize)) {
      names.emplace(*load<int32_t>(entry), file_.utf16(*load<uint64_t>(entry, 4)));
    }
    if (status_.tid && !status_.name.empty()) names.emplace(*status_.tid, status_.name);
    for (Thread& thread : image.threads) {
      const auto name = names.find(thread.tid);
      if (name != names.end()) thread.name = name->second;
    }
  }

  // The context of the exception is that of the fault; by then the thread itself may have been in a
  // signal handler.
  void take_exception(ProcessImage& image) {
    const ByteView record = file_.stream(minidump::kException);
    const auto exception = read_minidump_exception(record, image.producer, image.uid, image.pid);
    has_exception_ = exception.has_value();
    if (!exception) return;
    const auto tid = static_cast<int32_t>(exception->thread_id);
    auto found = std::find_if(image.threads.begin(), image.threads.end(),
                              [tid](const Thread& thread) { return thread.tid == tid; });
    if (found == image.threads.end()) {
      Thread thread;
      thread.tid = tid;
      thread.registers = isa::RegisterFile(image.arch);
      image.threads.push_back(std::move(thread));
      found = std::prev(image.threads.end());
    }
    image.crashed_thread = static_cast<size_t>(found - image.threads.begin());
    const uint64_t pointer_of =
        image.arch == isa::Arch::kX86_64 ? isa_x86::kFsBase : isa::a64::kTpidr;
    const auto pointer = found->registers.get(static_cast<isa::RegisterId>(pointer_of));
    set_context(file_.whole(location_at(record, kExceptionContextAt)), *found);
    if (pointer) found->registers.set(static_cast<isa::RegisterId>(pointer_of), *pointer);
    image.signal = exception->signal;
    if (image.signal.number != 0) found->signal = exception->signal;
  }

  Status no_threads() const {
    if (file_.lost() == 0) {
      return Error(ErrorCode::kCorrupt, "the minidump holds no thread (no ThreadList stream)");
    }
    return Error(ErrorCode::kTruncated,
                 fmt::format("the minidump is cut off before its first thread ({} of at least {} "
                             "bytes are there): copy it again",
                             file_.bytes().size(), file_.bytes().size() + file_.lost()));
  }

  void take_modules(ProcessImage& image) {
    MinidumpModules modules = read_minidump_modules(file_);
    image.modules = std::move(modules.modules);
    first_module_ = std::move(modules.first);
    unusable_ += modules.unusable;
  }

  void take_memory(ProcessImage& image) {
    const std::vector<MinidumpRange> listed = read_memory_lists(file_, &unusable_);
    ranges_.insert(ranges_.end(), listed.begin(), listed.end());
    image.mappings = read_proc_maps(file_.stream(minidump::kLinuxMaps), &unusable_);
    if (image.mappings.empty()) {
      image.mappings = read_memory_info(file_);
      name_mappings(image);
    }
    if (image.mappings.empty()) {
      image.tells_all_mappings = false;
      image.mappings = mappings_of_parts(image.modules, ranges_);
    }
    MinidumpPieces crossed = cross_memory(file_.bytes(), std::move(ranges_), image.mappings);
    lost_memory_ = crossed.lost;
    image.memory = std::make_unique<CoreMemory>(
        file_.bytes(), std::move(crossed.pieces),
        image.tells_all_mappings ? Missing::kUnmapped : Missing::kNotTold);
  }

  // A list of regions has no names; that of the modules does.
  static void name_mappings(ProcessImage& image) {
    for (const ListedModule& module : image.modules) {
      auto at = std::lower_bound(
          image.mappings.begin(), image.mappings.end(), module.range.start,
          [](const Mapping& mapping, Address start) { return mapping.range.start < start; });
      for (; at != image.mappings.end() && at->range.end <= module.range.end; ++at) {
        at->path = module.path;
      }
    }
  }

  std::string find_executable(const ProcessImage& image) const {
    for (const uint64_t type : {kAtPhdr, kAtEntry}) {
      const auto entry = image.auxv.find(type);
      if (entry == image.auxv.end()) continue;
      for (const ListedModule& module : image.modules) {
        if (module.range.contains(Address(entry->second))) return module.path;
      }
    }
    return first_module_;
  }

  static void name_command(ProcessImage& image) {
    const size_t slash = image.executable.rfind('/');
    image.command = image.executable.substr(slash == std::string::npos ? 0 : slash + 1);
    image.command.resize(std::min(image.command.size(), kMaxCommand));
  }

  void note_findings(ProcessImage& image) const {
    const auto add = [&](std::string text, std::string advice) {
      image.notes.push_back({std::move(text), std::move(advice)});
    };
    if (file_.lost() != 0 || lost_memory_ != 0) {
      add(fmt::format("the minidump is cut short: {} bytes of it are there, at least {} are lost",
                      file_.bytes().size(), std::max(file_.lost(), lost_memory_)),
          "copy it again; check for a full disk where it was written");
    }
    if (unusable_ != 0) {
      add(fmt::format("{} entries of the minidump could not be used", unusable_),
          "the minidump is damaged or was made by hand");
    }
    if (image.signal.number == 0 && has_exception_) {
      add("the dump was asked for by the program: it did not die of a signal then", "");
    } else if (!has_exception_) {
      add("the minidump tells of no exception: which thread it is about is not known", "");
    }
    if (!image.threads[image.crashed_thread].registers.pc()) {
      add("the minidump does not hold the registers of the thread that crashed", "");
    }
    if (image.modules.empty()) {
      add("the minidump lists no modules: build-ids are unknown, so files cannot be verified",
          "give the program with --exe");
    }
    if (!image.tells_all_mappings) {
      add("the minidump does not tell what was mapped where: of an address outside the modules and "
          "the stacks it is unknown whether it was valid",
          "");
    }
  }

  const MinidumpFile& file_;
  ProcStatus status_;
  std::vector<MinidumpRange> ranges_;
  std::string first_module_;
  bool has_exception_ = false;
  size_t unusable_ = 0;
  uint64_t lost_memory_ = 0;
};

}  // namespace

Result<ProcessImage> load_minidump(ByteView bytes, const std::string& source) {
  auto file = MinidumpFile::parse(bytes);
  if (!file.ok()) return std::move(file).error().with_context(source);
  ProcessImage image;
  image.source = source;
  Status status = Importer(*file).run(image);
  if (!status.ok()) return std::move(status).error().with_context(source);
  return image;
}

}  // namespace inquest::process
