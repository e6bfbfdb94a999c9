// AddressSanitizer and HWAddressSanitizer; and the deadly signals that every sanitizer reports.
#include <fmt/format.h>

#include <array>

#include "diagnosis/text/complete.h"
#include "diagnosis/text/sanitizer_readers.h"

namespace inquest::diagnosis {
namespace {

constexpr auto kNowhere = std::string_view::npos;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != kNowhere; }

// Errors whose message is a sentence: its words, and the name that the summary gives it.
struct Wording {
  std::string_view words, error;
};
constexpr std::array<Wording, 17> kWordings = {{
    {"attempting double-free", "double-free"},
    {"attempting free on address which was not malloc", "bad-free"},
    {"attempting to call malloc_usable_size()", "bad-malloc_usable_size"},
    {"attempting to call __sanitizer_get_allocated_size()", "bad-__sanitizer_get_allocated_size"},
    {"calloc parameters overflow", "calloc-overflow"},
    {"reallocarray parameters overflow", "reallocarray-overflow"},
    {"pvalloc parameters overflow", "pvalloc-overflow"},
    {"invalid allocation alignment", "invalid-allocation-alignment"},
    {"invalid alignment requested in aligned_alloc", "invalid-aligned-alloc-alignment"},
    {"invalid alignment requested in posix_memalign", "invalid-posix-memalign-alignment"},
    {"exceeds maximum supported size", "allocation-size-too-big"},
    {"specified RSS limit exceeded", "rss-limit-exceeded"},
    {"hard rss limit exhausted", "rss-limit-exceeded"},
    {"allocator is out of memory", "out-of-memory"},
    {"out of memory: allocator", "out-of-memory"},
    {"failed to allocate", "out-of-memory"},
    {"bad parameters to __sanitizer_annotate", "bad-__sanitizer_annotate_contiguous_container"},
}};

std::string error_name(const SanitizerReport& raw) {
  const std::string_view message = raw.header.message;
  for (const Wording& wording : kWordings) {
    if (contains(message, wording.words)) return std::string(wording.error);
  }
  const size_t end = message.find_first_of(" :;(");
  return std::string(message.substr(0, end));
}

// The address of "on address 0x…", "on 0x…", "malloc()-ed: 0x…".
std::optional<Address> address_in(std::string_view message) {
  const size_t stop = message.find(" (pc ");
  const size_t at_pc = message.find(" at pc ");
  const std::string_view front = message.substr(0, std::min(stop, at_pc));
  for (const std::string_view mark : {"address ", " on ", ": "}) {
    const size_t at = front.find(mark);
    if (at == kNowhere) continue;
    Words words(front.substr(at + mark.size()));
    if (const auto value = words.take_hex()) return Address(*value);
  }
  return std::nullopt;
}

std::optional<Address> pc_in(std::string_view message) {
  for (const std::string_view mark : {"(pc ", "at pc "}) {
    const size_t at = message.find(mark);
    if (at == kNowhere) continue;
    Words words(message.substr(at + mark.size()));
    if (const auto value = words.take_hex()) return Address(*value);
  }
  return std::nullopt;
}

// "thread T3 (worker)", "… T3)": the thread's name in the tool's words.
std::string thread_in(std::string_view line) {
  const size_t at = line.find("thread T");
  if (at == kNowhere) return {};
  const std::string_view rest = line.substr(at + 7);
  const size_t open = rest.find(" (");
  const size_t end = rest.find_first_not_of("T0123456789");
  if (open != kNowhere && open == end) {
    const size_t close = rest.find(')', open);
    if (close != kNowhere) return std::string(rest.substr(0, close + 1));
  }
  return std::string(rest.substr(0, end));
}

// "[32, 48) 'buf' (line 7) <== Memory access at offset 48 overflows this variable"
bool read_variable(std::string_view line, std::string_view function, Facts& facts) {
  const size_t arrow = line.find("<== Memory access at offset ");
  if (!line.starts_with('[') || arrow == kNowhere) return false;
  Words words(line.substr(1));
  const auto start = words.take_number();
  if (!start || !words.take(", ")) return false;
  const auto end = words.take_number();
  if (!end || *end < *start || !words.take_until("'")) return false;
  const auto name = words.take_until("'");
  Words tail(line.substr(arrow + 28));
  const auto offset = tail.take_number();
  if (!name || !offset) return false;
  AllocationFact& fact = allocation_of(facts, facts.reported->address.value_or(Address()));
  fact.state = AllocationFact::State::kLive;
  fact.size = *end - *start;
  fact.offset = static_cast<int64_t>(*offset) - static_cast<int64_t>(*start);
  fact.start = Address(fact.address.value - static_cast<uint64_t>(fact.offset));
  // clang's "buf.i": a variable of an inlined function.
  const std::string_view plain = name->ends_with(".i") ? name->substr(0, name->size() - 2) : *name;
  std::string where = function.empty() ? std::string() : fmt::format(" of {}()", function);
  words.skip_blanks();
  if (words.take("(line ")) {
    if (const auto number = words.take_number()) where += fmt::format(", line {}", *number);
  }
  fact.place = fmt::format("variable `{}`{}", plain, where);
  const std::string thing = fmt::format("the {}-byte {}", fact.size, fact.place);
  fact.statement = fact.offset < 0
                       ? fmt::format("the access begins {} bytes before {}", -fact.offset, thing)
                   : static_cast<uint64_t>(fact.offset) >= fact.size
                       ? fmt::format("the access begins {} bytes past the end of {}",
                                     static_cast<uint64_t>(fact.offset) - fact.size, thing)
                       : fmt::format("the access begins {} bytes inside {}", fact.offset, thing);
  return true;
}

// HWASan: "[0x005a,0x005b) is a small allocated heap chunk; size: 6144 offset:6143"
void read_chunk(std::string_view line, Facts& facts) {
  const size_t mark = line.find("heap chunk; size: ");
  if (!line.starts_with("[0x") || mark == kNowhere) return;
  Words words(line.substr(mark + 18));
  const auto size = words.take_number();
  if (!size || !words.take(" offset:")) return;
  const auto offset = words.take_number();
  if (!offset) return;
  AllocationFact& fact = allocation_of(facts, facts.reported->address.value_or(Address()));
  if (!fact.statement.empty()) return;
  fact.state = contains(line, "unallocated") ? AllocationFact::State::kFreed
                                             : AllocationFact::State::kUnknown;
  fact.size = *size;
  fact.offset = static_cast<int64_t>(*offset);
  fact.start = Address(fact.address.value - *offset);
  fact.statement = fmt::format("{} lies {} bytes inside a heap chunk of {} bytes",
                               to_hex(fact.address), *offset, *size);
}

// HWASan's tail check: "heap object [0x00444b02b180,0x00444b02b182) of size 2"
void read_overwritten_tail(std::string_view message, Facts& facts) {
  const size_t open = message.find("heap object [");
  if (open == kNowhere) return;
  Words words(message.substr(open + 13));
  const auto start = words.take_hex();
  words.take(",");
  const auto end = words.take_hex();
  if (!start || !end || *end < *start) return;
  facts.reported->address = Address(*start);
  AllocationFact& fact = allocation_of(facts, Address(*start));
  fact.of = "damaged block";
  fact.start = Address(*start);
  fact.size = *end - *start;
  fact.state = AllocationFact::State::kLive;
  fact.statement =
      fmt::format("the bytes right behind the {}-byte heap block at {} were overwritten", fact.size,
                  to_hex(*start));
}

struct Hints {
  bool pc_zero_page = false, high_value = false;
  AccessKind access = AccessKind::kNone;
};

void read_line(std::string_view line, Facts& facts, Hints& hints) {
  ReportedFacts& reported = *facts.reported;
  if (read_access(line, reported)) {
    if (facts.crashing.thread_name.empty()) facts.crashing.thread_name = thread_in(line);
  } else if (contains(line, "caused by a READ memory access")) {
    hints.access = AccessKind::kRead;
  } else if (contains(line, "caused by a WRITE memory access")) {
    hints.access = AccessKind::kWrite;
  } else if (contains(line, "Hint: pc points to the zero page")) {
    hints.pc_zero_page = true;
  } else if (contains(line, "dereference of a high value address")) {
    hints.high_value = true;
  } else if (auto location = read_location(line)) {
    AllocationFact& fact = allocation_of(facts, location->address);
    fact = *std::move(location);
  } else if (line.starts_with("Cause: ")) {
    reported.error += " (" + std::string(line.substr(7)) + ")";
  } else {
    read_chunk(line, facts);
  }
}

// Says what the memory is now, since a stack shows who freed it.
void set_freed(AllocationFact& fact, StackFacts stack) {
  fact.state = AllocationFact::State::kFreed;
  fact.freed = std::move(stack);
  if (!fact.statement.empty() && !contains(fact.statement, "freed"))
    fact.statement += " that was freed";
}

// A stack of malloc() or free() begins with the sanitizer's stand-in for it, also when the names
// are missing and it is linked into the program.
void mark_interceptor(StackFacts& stack) {
  if (stack.frames.empty()) return;
  for (FunctionFact& function : stack.frames.front().functions) {
    if (function.name.empty()) function.role = CodeRole::kLibrary;
  }
}

bool is_found_by_interceptor(const std::string& error) {
  return contains(error, "free") ? !contains(error, "use-after-free")
                                 : contains(error, "param") || contains(error, "mismatch") ||
                                       contains(error, "calloc") || contains(error, "too-big") ||
                                       error == "out-of-memory";
}

void sort_sections(SanitizerReport& raw, Facts& facts) {
  bool has_crash = false;
  for (SanitizerReport::Section& section : raw.sections) {
    const std::string_view title = section.title;
    if (title.find("llocated ") != kNowhere || title.find("reed by") != kNowhere)
      mark_interceptor(section.stack);
    if (title.starts_with("freed by") || title.starts_with("Freed by")) {
      section.stack.title = title;
      set_freed(allocation_of(facts, facts.reported->address.value_or(Address())),
                std::move(section.stack));
    } else if (title.starts_with("previously allocated") || title.starts_with("allocated ") ||
               title.starts_with("Allocated ")) {
      AllocationFact& fact = allocation_of(facts, facts.reported->address.value_or(Address()));
      section.stack.title = title;
      if (fact.state == AllocationFact::State::kUnknown) fact.state = AllocationFact::State::kLive;
      fact.allocated = std::move(section.stack);
    } else if (!has_crash && !title.starts_with("Thread T")) {
      has_crash = true;
      std::string thread = std::move(facts.crashing.thread_name);
      facts.crashing = std::move(section.stack);
      facts.crashing.thread_name = std::move(thread);
      if (is_found_by_interceptor(facts.reported->error)) mark_interceptor(facts.crashing);
    } else {
      add_related(section, facts);
    }
  }
}

void read_stack_variables(const SanitizerReport& raw, Facts& facts) {
  // The frame of "Address 0x… is located in stack of thread T0 at offset 36 in frame" stands among
  // the related stacks.
  std::string function;
  for (const StackFacts& related : facts.reported->related) {
    if (contains(related.title, "is located in stack of") && !related.frames.empty()) {
      function = related.frames.front().functions.back().short_name;
    }
  }
  for (const std::string_view line : raw.lines) {
    if (read_variable(line, function, facts)) return;
  }
}

void apply_signal(const SanitizerReport& raw, const Hints& hints, Facts& facts) {
  ReportedFacts& reported = *facts.reported;
  const std::string& error = reported.error;
  const auto pc = pc_in(raw.header.message);
  if (reported.access == AccessKind::kNone) reported.access = hints.access;
  int number = signal_number_of(error);
  if (error == "access-violation" || error == "stack-overflow") number = signal_number_of("SEGV");
  if (error == "int-divide-by-zero") number = signal_number_of("FPE");
  if (number != 0) set_signal(facts, number, std::nullopt, reported.address);
  if (error == "ABRT") {
    facts.abort.kind = AbortFacts::Kind::kAbortCall;
    facts.signal.address = reported.address = std::nullopt;  // ASan prints the sender's pid there
    return;
  }
  const bool memory =
      error == "SEGV" || error == "BUS" || error == "access-violation" || error == "stack-overflow";
  if (number != 0 && !memory) {
    facts.fault.emplace().pc = pc.value_or(Address());
    facts.fault->kind = number == signal_number_of("FPE") ? "divide" : "other";
    return;
  }
  if (number == 0 && reported.access == AccessKind::kNone) return;
  // The processor does not tell which access it was when the address is none; the tool says "read".
  if (hints.high_value) reported.access = AccessKind::kNone;
  set_fault(facts, hints.pc_zero_page ? AccessKind::kExecute : reported.access,
            hints.high_value ? std::nullopt : reported.address, pc);
  if (hints.pc_zero_page && !reported.address && pc) facts.fault->address = pc;
  if (error == "stack-overflow") facts.fault->stack_pointer_in_guard = true;
  if (hints.high_value) {
    AddressFacts high;
    high.traits = {AddressTrait::kNonCanonical};
    high.statement = "the address is none that the processor accepts: it lies outside both halves";
    facts.fault->address_facts = std::move(high);
  }
}

}  // namespace

void read_address_error(SanitizerReport& raw, Facts& facts) {
  ReportedFacts& reported = *facts.reported;
  reported.error = error_name(raw);
  reported.address = address_in(raw.header.message);
  facts.crashing.thread_name = thread_in(raw.header.message);
  read_overwritten_tail(raw.header.message, facts);
  Hints hints;
  for (size_t i = 1; i < raw.lines.size(); ++i) read_line(raw.lines[i], facts, hints);
  sort_sections(raw, facts);
  read_stack_variables(raw, facts);
  apply_signal(raw, hints, facts);
  if (facts.heap) {
    for (AllocationFact& fact : facts.heap->allocations) {
      if (fact.address.is_null() && reported.address) fact.address = *reported.address;
    }
  }
}

}  // namespace inquest::diagnosis
