#include "diagnosis/text/deaths.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>

#include "diagnosis/facts/signals.h"
#include "diagnosis/text/checker_formats.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/formats.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr uint32_t kSamePid = 2'000;  // lines apart: later the kernel may have given it out again
constexpr uint32_t kNear = 120;       // lines between words without a pid and who tells of the end
constexpr uint32_t kRightBehind = 4;  // lines: a shell's word about what it just ran
constexpr size_t kRecent = 48;        // deaths that are looked at when there is no pid
constexpr size_t kMaxTold = 8;        // further tellers that are named
constexpr size_t kCommName = 15;      // characters that the kernel keeps of a thread's name
constexpr size_t kMaxQuote = 200;
constexpr int kSigAbrtNumber = 6, kSigTrapNumber = 5, kSigIllNumber = 4;

// How much a report says by itself. Lines that only say "it died" say least.
enum class Kind : uint8_t {
  kLine,    // a supervisor's, the audit log's: who and which signal
  kKernel,  // the kernel's line of a fault: address and instruction
  kDump,    // systemd-coredump: names on the stack
  kMemory,  // killed for memory, and by whom
  kWords,   // the program's own words, a runtime's, a checker's
};

Kind kind_of(const TextReport& report) {
  if (report.format == kSupervisor.name || report.format == kAbnormalEnd.name) return Kind::kLine;
  if (report.format == kOomKill.name || report.format == kUserOom.name) return Kind::kMemory;
  if (report.kernel || report.format == kFatalSignal.name) return Kind::kKernel;
  if (report.format == kCoredumpMessage.name) return Kind::kDump;
  return Kind::kWords;
}

int score(const TextReport& report) {
  const Facts& facts = report.facts;
  const Kind kind = kind_of(report);
  int score = kind == Kind::kWords ? 4 : kind == Kind::kKernel ? 4 : kind == Kind::kMemory ? 20 : 0;
  if (!facts.abort.message.empty()) score += 4;
  if (!facts.crashing.frames.empty()) score += 3;
  if (const auto open = facts.open_frame(); open && *open < facts.crashing.frames.size()) {
    const FrameFact& frame = facts.crashing.frames[*open];
    score += frame.functions.back().file.empty() ? 1 : 4;
  }
  if (facts.fault && facts.fault->address) score += 2;
  if (facts.heap) score += 3;
  return score;
}

// Only what ends a process can be the end that others tell of. A checker's report may be: some end
// the process with it.
bool may_be_death(const TextReport& report) {
  if (!report.remark.empty() || report.format == kKernelOops.name) return false;
  const Facts& facts = report.facts;
  return facts.signal.number != 0 || facts.abort.kind != AbortFacts::Kind::kNone ||
         kind_of(report) != Kind::kWords || facts.process.pid != 0 ||
         report.format == kUndefinedBehavior.name;
}

bool ends_itself(int signal) {
  return signal == kSigAbrtNumber || signal == kSigTrapNumber || signal == kSigIllNumber;
}

// A checker or runtime that has said what it has to say ends the process with one of its own.
bool signals_fit(const TextReport& a, const TextReport& b) {
  const int first = a.facts.signal.number, second = b.facts.signal.number;
  if (first == 0 || second == 0 || first == second) return true;
  return kind_of(a) == Kind::kWords && ends_itself(second);
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// "web.service" and "web", "web-1" and "web", "node" and "/usr/bin/node": as far as names go.
bool names_fit(std::string_view a, std::string_view b) {
  a = base_name(a), b = base_name(b);
  if (a.empty() || b.empty()) return false;
  const size_t size = std::min({a.size(), b.size(), kCommName});
  return a.substr(0, size) == b.substr(0, size);
}

bool knows_name(const TextReport& report, std::string_view name) {
  return names_fit(report.facts.process.command, name) ||
         names_fit(report.facts.process.executable, name) ||
         names_fit(parse_writer(report.writer).program, name) || names_fit(report.writer, name);
}

std::string quote_of(const TextReport& report) {
  const auto& reported = report.facts.reported;
  if (!reported) return report.format;
  // Excerpts begin with the line that began the report.
  std::string text =
      reported->excerpt.empty() ? reported->error : std::string(trim(reported->excerpt.front()));
  if (text.size() > kMaxQuote) text = text.substr(0, kMaxQuote) + "…";
  return text;
}

// Who tells of it, what it said and where.
void tell(const TextReport& other, Facts& facts) {
  const auto told = std::count_if(facts.other.begin(), facts.other.end(), [](const Fact& fact) {
    return fact.statement.starts_with("the same death, told by ");
  });
  if (told >= static_cast<std::ptrdiff_t>(kMaxTold)) return;
  const std::string who = other.facts.reported ? other.facts.reported->tool : other.format;
  facts.other.push_back({fmt::format("the same death, told by {} in line {}: {}", who,
                                     other.first_line, quote_of(other)),
                         {}});
}

void borrow_process(const ProcessFacts& from, Kind teller, ProcessFacts& to) {
  if (to.pid == 0) to.pid = from.pid;
  if (to.executable.empty()) to.executable = from.executable;
  // A unit's or container's name is none of a program.
  if (to.command.empty() && teller != Kind::kLine) to.command = from.command;
  if (to.arguments.empty()) to.arguments = from.arguments;
  if (!to.uid) to.uid = from.uid;
  if (!to.gid) to.gid = from.gid;
}

// Both name the same line of a source file, and it is the one to open first.
bool same_place(const Facts& a, const Facts& b) {
  const auto function = [](const Facts& facts) -> const FunctionFact* {
    const auto open = facts.open_frame();
    if (!open || *open >= facts.crashing.frames.size()) return nullptr;
    return &facts.crashing.frames[*open].functions[facts.open_function()];
  };
  const FunctionFact *first = function(a), *second = function(b);
  return first != nullptr && second != nullptr && first->line != 0 && first->line == second->line &&
         base_name(first->file) == base_name(second->file);
}

bool says_nothing(const AbortFacts& abort) {
  return abort.kind == AbortFacts::Kind::kNone || abort.kind == AbortFacts::Kind::kAbortCall;
}

// What `other` knows and `kept` does not.
void borrow(TextReport& other, TextReport& kept) {
  Facts& facts = kept.facts;
  borrow_process(other.facts.process, kind_of(other), facts.process);
  for (Fact& fact : other.facts.other) {
    if (fact.statement.starts_with("the same death, told by ")) facts.other.push_back(fact);
  }
  const bool same_signal = facts.signal.number == other.facts.signal.number;
  if (facts.signal.number == 0 || (same_signal && !facts.signal.code))
    facts.signal = other.facts.signal;
  if (says_nothing(facts.abort) && !other.facts.abort.message.empty())
    facts.abort = std::move(other.facts.abort);
  if (facts.crashing.frames.empty() && !other.facts.crashing.frames.empty()) {
    facts.crashing = std::move(other.facts.crashing);
    facts.crash_frame = other.facts.crash_frame;
    std::erase_if(facts.missing,
                  [](const Fact& fact) { return fact.statement == "the text has no stack"; });
  }
  const bool is_fault = is_fault_signal(facts.signal.number) && facts.signal.address;
  if (is_fault && !facts.fault && other.kernel && !kept.kernel) {
    set_fault(facts, other.facts.reported->access, facts.signal.address,
              other.kernel->registers.pc());
  }
  if (kept.kernel) return;  // the engine makes the facts
  complete_facts(facts);
}

class Joiner {
 public:
  std::vector<TextReport> run(std::vector<TextReport> reports) {
    done_.reserve(reports.size());
    for (TextReport& report : reports) {
      if (!may_be_death(report)) {
        done_.push_back(std::move(report));
        continue;
      }
      const auto same = find(report);
      if (same) {
        merge(std::move(report), *same);
      } else {
        done_.push_back(std::move(report));
        deaths_.push_back(done_.size() - 1);
      }
      remember(same ? *same : done_.size() - 1);
    }
    const auto by_line = [](const TextReport& a, const TextReport& b) {
      return a.first_line < b.first_line;
    };
    if (!std::is_sorted(done_.begin(), done_.end(), by_line))
      std::stable_sort(done_.begin(), done_.end(), by_line);
    return std::move(done_);
  }

 private:
  std::optional<size_t> find(const TextReport& report) const {
    if (const auto same = find_by_pid(report)) return same;
    return find_near(report);
  }

  std::optional<size_t> find_by_pid(const TextReport& report) const {
    for (const int32_t pid : {report.facts.process.pid, report.facts.crashing.tid}) {
      if (pid == 0) continue;
      const auto known = by_pid_.find(pid);
      if (known == by_pid_.end()) continue;
      const TextReport& other = done_[known->second];
      const bool near = report.first_line <= end_of(known->second) + kSamePid;
      // Two reports of one kind are two: two findings of a checker, or the pid given out again.
      const bool told_twice = kind_of(report) == Kind::kLine || !has_kind(known->second, report);
      if (near && told_twice && signals_fit(other, report)) return known->second;
    }
    return std::nullopt;
  }

  // Without a pid on one side at least: by the writer, the name, or for being right behind.
  std::optional<size_t> find_near(const TextReport& report) const {
    std::optional<size_t> found;
    size_t candidates = 0;
    const size_t first = deaths_.size() - std::min(deaths_.size(), kRecent);
    for (size_t i = deaths_.size(); i > first; --i) {
      const size_t index = deaths_[i - 1];
      const TextReport& other = done_[index];
      const uint32_t gap = report.first_line - std::min(report.first_line, end_of(index));
      if (gap > kNear) continue;
      if (report.facts.process.pid != 0 && other.facts.process.pid != 0) continue;
      if (is_end_of(report, other, gap)) return index;
      if (has_kind(index, report) || !tells_of(report, other)) continue;
      const std::string& name = report.facts.process.command;
      if (!name.empty() && knows_name(other, name)) return index;
      if (!found) found = index;
      ++candidates;
    }
    return candidates == 1 ? found : std::nullopt;
  }

  // One of them does no more than say that something died; and of the signal both say the same.
  static bool tells_of(const TextReport& report, const TextReport& other) {
    const Kind kind = kind_of(report), before = kind_of(other);
    if (kind == Kind::kWords && before == Kind::kWords) return false;
    if (kind != Kind::kLine && before != Kind::kLine && kind == before) return false;
    const int first = other.facts.signal.number, second = report.facts.signal.number;
    return first != 0 && first == second;
  }

  // A shell right behind what it ran; a checker's word of the abort() that a runtime ended with.
  static bool is_end_of(const TextReport& report, const TextReport& other, uint32_t gap) {
    if (gap > kRightBehind) return false;
    const ProcessFacts& who = report.facts.process;
    const bool unnamed = who.pid == 0 && who.command.empty() && who.executable.empty();
    if (report.format == kSupervisor.name && unnamed) return signals_fit(other, report);
    const bool bare_abort =
        report.format == "sanitizer" && report.facts.abort.kind == AbortFacts::Kind::kAbortCall;
    if (other.format == kUndefinedBehavior.name && report.facts.signal.number != 0)
      return same_place(report.facts, other.facts);
    return bare_abort && report.writer == other.writer && kind_of(other) == Kind::kWords &&
           other.facts.process.pid == 0 && other.format != "sanitizer";
  }

  bool has_kind(size_t index, const TextReport& report) const {
    const auto known = kinds_.find(index);
    return known != kinds_.end() && (known->second & mask_of(report)) != 0;
  }
  static unsigned mask_of(const TextReport& report) {
    return 1U << static_cast<unsigned>(kind_of(report));
  }

  uint32_t end_of(size_t index) const {
    const auto known = ends_.find(index);
    const uint32_t own = done_[index].last_line;
    return known == ends_.end() ? own : std::max(own, known->second);
  }

  void merge(TextReport report, size_t index) {
    TextReport& into = done_[index];
    kinds_[index] |= mask_of(report);
    ends_[index] = std::max(end_of(index), report.last_line);
    if (score(report) > score(into)) std::swap(report, into);
    borrow(report, into);
    tell(report, into.facts);
  }

  void remember(size_t index) {
    const TextReport& report = done_[index];
    kinds_[index] |= mask_of(report);
    for (const int32_t pid : {report.facts.process.pid, report.facts.crashing.tid}) {
      if (pid != 0) by_pid_[pid] = index;
    }
  }

  std::vector<TextReport> done_;
  std::vector<size_t> deaths_;                  // indices into done_, by line
  std::unordered_map<int32_t, size_t> by_pid_;  // the latest
  std::unordered_map<size_t, unsigned> kinds_;  // told by which kinds
  std::unordered_map<size_t, uint32_t> ends_;   // last line of all that tell of it
};

}  // namespace

WriterName parse_writer(std::string_view writer) {
  while (writer.ends_with(':') || writer.ends_with(' ')) writer.remove_suffix(1);
  if (!writer.ends_with(']')) return {};
  const size_t open = writer.rfind('[');
  if (open == std::string_view::npos || open == 0) return {};
  const auto pid = number_of(writer.substr(open + 1, writer.size() - open - 2));
  if (!pid || *pid == 0 || *pid > INT32_MAX) return {};
  std::string_view program = writer.substr(0, open);
  program = program.substr(program.find_last_of(" \t") + 1);
  return {program, static_cast<int32_t>(*pid)};
}

std::vector<TextReport> join_deaths(std::vector<TextReport> reports) {
  return Joiner().run(std::move(reports));
}

}  // namespace inquest::diagnosis
