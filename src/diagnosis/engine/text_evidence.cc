#include "diagnosis/engine/text_evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "diagnosis/signature/signature.h"
#include "diagnosis/text/scanner.h"
#include "diagnosis/text/utf16.h"
#include "process/input/kernel_crash.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kQuoted = 60;  // bytes
constexpr size_t kMaxRemarks = 20;
constexpr uint64_t kNullPages = 64 << 10;  // addresses in them are null and an offset

std::string_view text_of(const process::Input& input) {
  const ByteView bytes = input.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT
}

Error nothing_found(const process::Input& input, uint64_t lines) {
  const std::string_view text = text_of(input);
  const std::string_view start = text.substr(0, std::min(text.find_first_of("\r\n"), kQuoted));
  return {ErrorCode::kNotFound,
          fmt::format("{}: no crash report in this text ({} lines, beginning with \"{}\"). Looked "
                      "for: lines of the "
                      "kernel and its out-of-memory killer, reports of sanitizers and valgrind, "
                      "of the C and C++ libraries, of language runtimes, of debuggers and of "
                      "supervisors. If it is the log of a service that died, add the kernel's "
                      "log of that time (journalctl -k, dmesg -T); best is the core (coredumpctl "
                      "dump)",
                      input.file.path(), lines, start)};
}

// Data accesses so near to the stack pointer, with no page there, are the stack's own.
constexpr uint64_t kNearStackPointer = 64 << 10;

AccessKind access_of(process::KernelCrash::Wanted wanted) {
  switch (wanted) {
    case process::KernelCrash::Wanted::kRead:
      return AccessKind::kRead;
    case process::KernelCrash::Wanted::kWrite:
      return AccessKind::kWrite;
    case process::KernelCrash::Wanted::kExecute:
      return AccessKind::kExecute;
    case process::KernelCrash::Wanted::kUnknown:
      return AccessKind::kNone;
  }
  return AccessKind::kNone;
}

void note_computed(const process::KernelCrashImage& made, Facts& facts) {
  for (const isa::RegisterId id : made.computed) {
    facts.other.push_back(
        {fmt::format("the log does not tell the registers: what {} held follows from the address "
                     "and the instruction",
                     isa::register_name(made.image.arch, id)),
         {}});
  }
}

// What the stages say of a core that lacks this or that is not what a reader of a log needs.
void say_what_is_missing(Facts& facts) {
  facts.crashing.notes.clear();
  facts.crashing.end = "not in the log";
  std::erase_if(facts.missing, [](const Fact& fact) {
    return fact.statement.starts_with("the crashing thread's stack") ||
           fact.statement.starts_with("the core does not name");
  });
  for (std::string& advice : facts.advice) {
    if (advice.starts_with("Give the ")) {
      advice = "Give the program that crashed, of the same build, with --exe.";
    } else if (advice.starts_with("link with --build-id")) {
      advice.clear();
    }
  }
  facts.missing.push_back({"the kernel's log holds no stack and no memory", {}});
  facts.advice.emplace_back(
      "Keep a core of the next crash (coredumpctl, or ulimit -c unlimited) and explain that.");
}

// A line of the kernel's log through the same stages as a core.
Result<Diagnosis> diagnose_kernel_crash(TextReport& report, const process::Input& input,
                                        const DiagnoseOptions& options, Knowledge& knowledge) {
  const process::KernelCrash& crash = *report.kernel;
  process::KernelCrashImage made =
      process::image_of_kernel_crash(crash, options.modules.executable, input.file.path());
  DiagnoseOptions fitting = options;
  fitting.thread.reset();
  if (!made.program_fits) fitting.modules.executable.clear();
  INQ_TRY(Facts facts, facts_of(made.image, fitting));
  facts.reported = std::move(report.facts.reported);
  for (Fact& fact : report.facts.other) facts.other.push_back(std::move(fact));
  facts.process.thread_count = 0;  // the log does not tell
  say_what_is_missing(facts);
  if (facts.fault) {
    FaultFacts& fault = *facts.fault;
    if (fault.access == AccessKind::kNone) fault.access = access_of(crash.wanted);
    const auto sp = crash.registers.sp();
    const auto address = crash.signal.address;
    const bool own_stack = fault.kind == "push" || fault.kind == "call" ||
                           (fault.operand && (fault.operand->text.starts_with("[rsp") ||
                                              fault.operand->text.starts_with("[sp")));
    fault.stack_pointer_in_guard = own_stack && sp && address &&
                                   !crash.page_present.value_or(true) &&
                                   address->value + kNearStackPointer >= sp->value &&
                                   address->value <= sp->value + kNearStackPointer;
  }
  note_computed(made, facts);
  if (made.same_code != 0) {
    std::erase_if(facts.missing, [](const Fact& fact) {
      return fact.statement.find("could not be verified by build-id") != std::string::npos;
    });
    facts.other.push_back(
        {fmt::format("all {} bytes of code in the log are the same in {}; a log names no build-id, "
                     "so that is what speaks for this file",
                     made.same_code, options.modules.executable),
         {}});
  }
  return conclude(std::move(made.image), std::move(facts), knowledge);
}

// Lines of the kernel about the same instruction: they need to be looked at only once.
std::string kernel_key(const process::KernelCrash& crash) {
  const auto pc = crash.registers.pc();
  uint64_t place = pc ? pc->value : 0;
  if (crash.mapping && pc) {
    place = crash.file_offset.value_or(0) + (*pc - crash.mapping->start);
  }
  const uint64_t address = crash.signal.address ? crash.signal.address->value : 0;
  return fmt::format("{}\n{}\n{:x}\n{}\n{:x}\n{}", crash.command, crash.module, place,
                     crash.signal.number, address < kNullPages ? address : UINT64_MAX,
                     static_cast<int>(crash.wanted));
}

// Crashes alike: of one program, told in one form, with one signature.
std::string key_of(const std::string& format, const Facts& facts) {
  const std::string& who =
      facts.process.executable.empty() ? facts.process.command : facts.process.executable;
  return fmt::format("{}\n{}\n{}\n{}", format, who, facts.signal.number, sign(facts).id);
}

class Collector {
 public:
  Collector(const process::Input& input, const DiagnoseOptions& options)
      : input_(input), options_(options), knowledge_(knowledge_of(options, true)) {}

  Status add(TextReport report) {
    if (!report.remark.empty()) {
      if (result_.remarks.size() < kMaxRemarks) result_.remarks.push_back(std::move(report.remark));
      return {};
    }
    const uint32_t line = report.first_line;
    std::string key =
        report.kernel ? kernel_key(*report.kernel) : key_of(report.format, report.facts);
    if (const auto known = index_.find(key); known != index_.end()) {
      TextPlace& place = *result_.list[known->second].place_in_text;
      ++place.times;
      place.last_seen = line;
      return {};
    }
    index_.emplace(std::move(key), result_.list.size());
    const TextPlace place{report.format, line, report.last_line, 1, line};
    if (report.kernel) {
      INQ_TRY(Diagnosis diagnosis, diagnose_kernel_crash(report, input_, options_, knowledge_));
      result_.list.push_back(std::move(diagnosis));
    } else {
      report.facts.process.source = input_.file.path();
      result_.list.push_back(conclude(std::nullopt, std::move(report.facts), knowledge_));
    }
    result_.list.back().place_in_text = place;
    return {};
  }

  Diagnoses take() && { return std::move(result_); }

 private:
  const process::Input& input_;
  const DiagnoseOptions& options_;
  Knowledge knowledge_;
  std::unordered_map<std::string, size_t> index_;  // into result_.list
  Diagnoses result_;
};

}  // namespace

Result<Diagnoses> diagnose_text(const process::Input& input, const DiagnoseOptions& options) {
  const std::optional<std::string> decoded = from_utf16(text_of(input));
  Scan scan = read_reports(decoded ? std::string_view(*decoded) : text_of(input));
  Collector collector(input, options);
  for (TextReport& report : scan.reports) INQ_TRY_STATUS(collector.add(std::move(report)));
  Diagnoses result = std::move(collector).take();
  result.lines = scan.lines;
  result.not_kept = scan.not_kept;
  if (result.list.empty()) return nothing_found(input, scan.lines);
  return result;
}

}  // namespace inquest::diagnosis
