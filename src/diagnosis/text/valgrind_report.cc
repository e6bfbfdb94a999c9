#include "diagnosis/text/valgrind_report.h"

#include <fmt/format.h>

#include <string_view>

#include "binary/demangle/demangle.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/sanitizer_readers.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr auto kNowhere = std::string_view::npos;
constexpr size_t kMaxExcerpt = 40;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != kNowhere; }

// "Invalid read of size 8", "Possible data race during write of size 4 at 0x10c014 by thread #1"
// "Conflicting store by thread 2 at 0x0010c014 size 4"
void read_access_words(std::string_view what, ReportedFacts& reported) {
  if (contains(what, "read of size") || contains(what, "Conflicting load"))
    reported.access = AccessKind::kRead;
  if (contains(what, "write of size") || contains(what, "Conflicting store"))
    reported.access = AccessKind::kWrite;
  if (contains(what, "Jump to the invalid address")) reported.access = AccessKind::kExecute;
  if (const size_t at = what.find(" size "); at != kNowhere) {
    Words words(what.substr(at + 6));
    reported.size = words.take_number().value_or(0);
  }
  if (const size_t at = what.find(" at 0x"); at != kNowhere) {
    Words words(what.substr(at + 4));
    if (const auto value = words.take_hex()) reported.address = Address(*value);
  }
  if (const size_t at = what.find("thread #"); at != kNowhere) {
    Words words(what.substr(at + 8));
    words.take_number();
  }
}

// "data symbol "_ZN4shop1mE"": valgrind leaves names of variables mangled.
std::string with_demangled_name(std::string_view thing) {
  const size_t open = thing.find("\"_Z");
  const size_t close = open == kNowhere ? kNowhere : thing.find('"', open + 1);
  if (close == kNowhere) return std::string(thing);
  const std::string name = demangle::demangle(thing.substr(open + 1, close - open - 1));
  return std::string(thing.substr(0, open)) + "`" + name + "`" +
         std::string(thing.substr(close + 1));
}

// "Address 0x4a8a068 is 0 bytes after a block of size 40 alloc'd", "… inside a block of size 40
// free'd"
bool read_block(std::string_view line, Facts& facts) {
  Words words(line);
  if (!words.take("Address ") && !words.take("Location ")) return false;
  const auto value = words.take_hex();
  if (!value || !words.take(" is ")) return false;
  const Address address(*value);
  if (!facts.reported->address) facts.reported->address = address;
  const auto bytes = words.take_number();
  if (!bytes || !words.take(" bytes ")) {
    facts.other.push_back({std::string(line), {}});
    return true;
  }
  const bool before = words.take("before ");
  const bool after = !before && words.take("after ");
  if (!before && !after && !words.take("inside ")) return false;
  AllocationFact& fact = allocation_of(facts, address);
  const std::string thing = with_demangled_name(words.rest());
  if (!words.take_until("block of size ")) {
    // "data symbol "counter"", "local var "x"", "stack of thread"
    fact.start = Address(address.value - *bytes);
    fact.offset = static_cast<int64_t>(*bytes);
    fact.place = thing;
    fact.state = AllocationFact::State::kLive;
    fact.statement = fmt::format("{} lies {} bytes {} {}", to_hex(address), *bytes,
                                 before  ? "before"
                                 : after ? "after"
                                         : "inside",
                                 thing);
    return true;
  }
  fact.size = words.take_number().value_or(0);
  fact.offset = before  ? -static_cast<int64_t>(*bytes)
                : after ? static_cast<int64_t>(*bytes + fact.size)
                        : static_cast<int64_t>(*bytes);
  fact.start = Address(address.value - static_cast<uint64_t>(fact.offset));
  fact.place = "heap block";
  const bool freed = contains(words.rest(), "free'd");
  fact.state = freed ? AllocationFact::State::kFreed : AllocationFact::State::kLive;
  fact.statement =
      fmt::format("{} lies {} bytes {} a heap block of {} bytes{}", to_hex(address), *bytes,
                  before  ? "before the start of"
                  : after ? "past the end of"
                          : "inside",
                  fact.size, freed ? " that was freed" : "");
  return true;
}

// "10 bytes in 1 blocks are definitely lost in loss record 1 of 1"
bool read_leak(std::string_view what, Facts& facts) {
  if (!contains(what, " lost in loss record") && !contains(what, "still reachable in loss record"))
    return false;
  const size_t direct = what.find("bytes ");
  std::string digits;
  for (const char c : what.substr(0, direct)) {
    if (c >= '0' && c <= '9') digits += c;
    if (c == '(') break;
  }
  AllocationFact& fact = allocation_of(facts, Address());
  fact.of = "leaked memory";
  fact.state = AllocationFact::State::kLive;
  fact.size = number_of(digits).value_or(0);
  fact.place = "heap";
  fact.statement = what.substr(0, what.find(" in loss record"));
  facts.reported->size = fact.size;
  return true;
}

// "Process terminating with default action of signal 11 (SIGSEGV)"
void read_termination(std::string_view line, Facts& facts) {
  const size_t at = line.find("default action of signal ");
  if (at == kNowhere) return;
  Words words(line.substr(at + 25));
  if (const auto number = words.take_number()) set_signal(facts, static_cast<int>(*number & 127));
}

// "Access not within mapped region at address 0x0"
void read_refusal(std::string_view line, Facts& facts) {
  for (const std::string_view mark :
       {"mapped region at address ", "wpermissions for mapped region at address "}) {
    const size_t at = line.find(mark);
    if (at == kNowhere) continue;
    Words words(line.substr(at + mark.size()));
    if (const auto value = words.take_hex()) facts.signal.address = Address(*value);
    return;
  }
}

void add_origin(ValgrindReport::Section& section, Facts& facts) {
  OriginStep step;
  step.kind = OriginStep::Kind::kConstant;
  step.trust = "exact";
  step.statement = contains(section.title, "heap")
                       ? "the memory was allocated on the heap and never set"
                       : "the value is that of a local variable, never set";
  if (const FunctionFact* function = user_function_of(section.stack)) {
    step.function = function->short_name;
    step.file = function->file;
    step.line = function->line;
    step.statement += fmt::format(" in {}()", function->short_name);
    if (!step.file.empty()) step.statement += fmt::format(" at {}:{}", step.file, step.line);
    facts.origin.blamed.push_back({.function = step.function,
                                   .file = step.file,
                                   .line = step.line,
                                   .frame = std::nullopt,
                                   .module = {},
                                   .module_offset = 0,
                                   .why = "the value is born here and nobody sets it",
                                   .confidence = 80});
  }
  facts.origin.steps.push_back(std::move(step));
}

void sort_sections(ValgrindReport& report, Facts& facts) {
  bool has_crash = false;
  for (ValgrindReport::Section& section : report.sections) {
    const std::string& title = section.title;
    section.stack.title = title;
    if (title.starts_with("Block was alloc'd") || title.ends_with(" alloc'd")) {
      allocation_of(facts, Address()).allocated = std::move(section.stack);
    } else if (title.ends_with(" free'd")) {
      allocation_of(facts, Address()).freed = std::move(section.stack);
    } else if (title.starts_with("Uninitialised value was created")) {
      add_origin(section, facts);
      facts.reported->related.push_back(std::move(section.stack));
    } else if (!has_crash) {
      has_crash = true;
      facts.crashing = std::move(section.stack);
      facts.crashing.title.clear();
    } else {
      facts.reported->related.push_back(std::move(section.stack));
    }
  }
  if (!contains(report.what, "loss record") || !facts.heap) return;
  StackFacts stack = facts.crashing;
  stack.title = "allocated here";
  facts.heap->allocations.front().allocated = std::move(stack);
}

void apply_signal(Facts& facts) {
  ReportedFacts& reported = *facts.reported;
  if (facts.signal.number == 0) return;
  if (facts.signal.number == signal_number_of("ABRT")) {
    facts.abort.kind = AbortFacts::Kind::kAbortCall;
    return;
  }
  const auto address = facts.signal.address ? facts.signal.address : reported.address;
  if (facts.signal.number != signal_number_of("SEGV") &&
      facts.signal.number != signal_number_of("BUS"))
    return;
  set_fault(facts, reported.access, address, std::nullopt);
}

}  // namespace

Facts facts_of(ValgrindReport report) {
  Facts facts;
  facts.process.pid = report.pid;
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = report.tool.empty() ? "valgrind" : "valgrind " + report.tool;
  facts.process.producer = reported.tool;
  reported.error = report.what;
  for (const std::string& line : report.lines) {
    if (reported.excerpt.size() < kMaxExcerpt) reported.excerpt.push_back(line);
  }
  read_access_words(report.what, reported);
  read_leak(report.what, facts);
  for (const std::string& line : report.lines) {
    if (read_block(line, facts)) continue;
    read_termination(line, facts);
    read_refusal(line, facts);
    if (line.starts_with("Stack overflow in thread") || line.starts_with("Can't extend stack to")) {
      set_signal(facts, signal_number_of("SEGV"));
      facts.other.push_back({line, {}});
    }
  }
  sort_sections(report, facts);
  apply_signal(facts);
  for (const std::string& line : report.lines) {
    const bool stack =
        line.starts_with("Stack overflow in thread") || line.starts_with("Can't extend stack");
    if (stack && facts.fault) facts.fault->stack_pointer_in_guard = true;
  }
  complete_facts(facts);
  return facts;
}

}  // namespace inquest::diagnosis
