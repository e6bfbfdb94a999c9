// ThreadSanitizer: races, lock order, misuse of mutexes and signals.
#include <fmt/format.h>

#include "diagnosis/text/sanitizer_readers.h"

namespace inquest::diagnosis {
namespace {

// "Write of size 4 at 0x… by thread T11 (mutexes: write M1608)": "thread T11"
std::string thread_of(std::string_view title) {
  const size_t by = title.rfind(" by ");
  if (by == std::string_view::npos) {
    const size_t in = title.rfind(" in ");
    if (in == std::string_view::npos) return {};
    std::string_view name = title.substr(in + 4);
    while (name.ends_with(':')) name.remove_suffix(1);
    return std::string(name);
  }
  std::string_view name = title.substr(by + 4);
  const size_t mutexes = name.find(" (mutexes");
  name = name.substr(0, mutexes);
  while (name.ends_with(':')) name.remove_suffix(1);
  return std::string(name);
}

// "Location is heap block of size 40 at 0x7b08 allocated by main thread:"
bool read_heap_block(SanitizerReport::Section& section, Facts& facts) {
  Words words(section.title);
  if (!words.take("Location is heap block of size ")) return false;
  const auto size = words.take_number();
  words.take(" at ");
  const auto start = words.take_hex();
  if (!size || !start) return false;
  AllocationFact& fact = allocation_of(facts, facts.reported->address.value_or(Address(*start)));
  fact.start = Address(*start);
  fact.size = *size;
  fact.offset = static_cast<int64_t>(fact.address - fact.start);
  fact.state = AllocationFact::State::kLive;
  fact.statement = fmt::format("{} lies {} bytes inside a heap block of {} bytes",
                               to_hex(fact.address), fact.offset, fact.size);
  section.stack.title = section.title;
  fact.allocated = std::move(section.stack);
  return true;
}

// "Location is global 'counter' of size 4 at 0x5581 (race+0x149e)": a line of its own.
void read_global(std::string_view line, Facts& facts) {
  Words words(line);
  if (!words.take("Location is global '")) return;
  const auto name = words.take_until("'");
  if (!name || !words.take(" of size ")) return;
  const auto size = words.take_number();
  words.take(" at ");
  const auto start = words.take_hex();
  if (!size || !start) return;
  AllocationFact& fact = allocation_of(facts, facts.reported->address.value_or(Address(*start)));
  fact.start = Address(*start);
  fact.size = *size;
  fact.offset = static_cast<int64_t>(fact.address - fact.start);
  fact.state = AllocationFact::State::kLive;
  fact.place = fmt::format("global variable `{}`", *name);
  fact.statement = fmt::format("the memory is the {}-byte {}", *size, fact.place);
}

// Not where something was made. A cycle of locks begins with the mutex that was taken last.
bool is_crash(std::string_view title) {
  if (title.starts_with("Mutex M")) return title.find(" acquired here") != std::string_view::npos;
  return !title.starts_with("Location is") && !title.starts_with("Thread T");
}

}  // namespace

void read_thread_error(SanitizerReport& raw, Facts& facts) {
  ReportedFacts& reported = *facts.reported;
  reported.error = raw.header.message;
  bool has_crash = false;
  for (SanitizerReport::Section& section : raw.sections) {
    if (has_crash || !is_crash(section.title)) {
      if (!read_heap_block(section, facts)) add_related(section, facts);
      continue;
    }
    has_crash = true;
    read_access(section.title, reported);
    facts.crashing = std::move(section.stack);
    facts.crashing.thread_name = thread_of(section.title);
    std::string_view title = section.title;
    while (title.ends_with(':')) title.remove_suffix(1);
    facts.crashing.title = title;
  }
  for (const std::string_view line : raw.lines) read_global(line, facts);
}

}  // namespace inquest::diagnosis
