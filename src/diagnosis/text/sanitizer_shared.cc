#include <fmt/format.h>

#include "diagnosis/facts/roles.h"
#include "diagnosis/text/sanitizer_readers.h"

namespace inquest::diagnosis {
namespace {

constexpr auto kNowhere = std::string_view::npos;

// "[0x60f0,0x60f8)"
std::optional<AddressRange> take_region(std::string_view text) {
  const size_t open = text.find("[0x");
  if (open == kNowhere) return std::nullopt;
  Words words(text.substr(open + 1));
  const auto start = words.take_hex();
  words.take(",");
  words.skip_blanks();
  const auto end = words.take_hex();
  if (!start || !end || *end < *start) return std::nullopt;
  return AddressRange{Address(*start), Address(*end)};
}

std::string distance_words(const AllocationFact& allocation, std::string_view thing) {
  const int64_t size = static_cast<int64_t>(allocation.size);
  if (allocation.offset < 0) {
    return fmt::format("{} lies {} bytes before the start of {}", to_hex(allocation.address),
                       -static_cast<uint64_t>(allocation.offset), thing);
  }
  if (allocation.offset >= size && allocation.size != 0) {
    return fmt::format("{} lies {} bytes past the end of {}", to_hex(allocation.address),
                       allocation.offset - size, thing);
  }
  return fmt::format("{} lies {} bytes inside {}", to_hex(allocation.address), allocation.offset,
                     thing);
}

// "4 bytes after", "16 bytes inside of", "0 bytes to the right of": what stands between "is
// located" and the thing.
struct Distance {
  uint64_t bytes = 0;
  enum class Side : uint8_t { kInside, kBefore, kAfter } side = Side::kInside;
};

std::optional<Distance> take_distance(Words& words) {
  Distance distance;
  const auto bytes = words.take_number();
  if (!bytes || !words.take(" bytes ")) return std::nullopt;
  distance.bytes = *bytes;
  using Side = Distance::Side;
  struct Phrase {
    std::string_view text;
    Side side;
  };
  for (const auto& [text, side] :
       {Phrase{"inside of ", Side::kInside}, Phrase{"to the right of ", Side::kAfter},
        Phrase{"to the left of ", Side::kBefore}, Phrase{"after ", Side::kAfter},
        Phrase{"before ", Side::kBefore}}) {
    if (!words.take(text)) continue;
    distance.side = side;
    words.take("a ");
    return distance;
  }
  return std::nullopt;
}

int64_t offset_of(const Distance& distance, uint64_t size) {
  switch (distance.side) {
    case Distance::Side::kBefore:
      return -static_cast<int64_t>(distance.bytes);
    case Distance::Side::kAfter:
      return static_cast<int64_t>(distance.bytes + size);
    case Distance::Side::kInside:
      break;
  }
  return static_cast<int64_t>(distance.bytes);
}

// "global variable 'g' defined in 'a.c:3:5' (0x5581) of size 40"
bool read_global(Words words, const Distance& distance, AllocationFact& fact) {
  if (!words.take("global variable '")) return false;
  const auto name = words.take_until("'");
  if (!name) return false;
  std::string_view place;
  if (words.take_until(" '")) place = words.take_until("'").value_or("");
  if (words.take_until("(0x")) {
    if (const auto start = words.take_bare_hex()) fact.start = Address(*start);
  }
  if (words.take_until("of size ")) fact.size = words.take_number().value_or(0);
  fact.offset = offset_of(distance, fact.size);
  fact.state = AllocationFact::State::kLive;
  fact.place = fmt::format("global variable `{}`", *name);
  if (!place.empty()) fact.place += fmt::format(" ({})", place);
  fact.statement = distance_words(fact, fmt::format("the {}-byte {}", fact.size, fact.place));
  return true;
}

// "112-byte region [0x60f0,0x60f8)"
bool read_region(Words words, const Distance& distance, AllocationFact& fact) {
  const auto size = words.take_number();
  if (!size || !words.take("-byte region")) return false;
  fact.size = *size;
  fact.offset = offset_of(distance, fact.size);
  fact.start = Address(fact.address.value - static_cast<uint64_t>(fact.offset));
  if (const auto range = take_region(words.rest())) fact.start = range->start;
  fact.place = "heap block";
  fact.statement = distance_words(fact, fmt::format("a heap block of {} bytes", fact.size));
  return true;
}

}  // namespace

bool read_access(std::string_view line, ReportedFacts& reported) {
  Words words(line);
  words.take("Previous ");
  words.take("Atomic ");
  words.take("atomic ");
  if (words.take("READ of size ") || words.take("Read of size ") || words.take("read of size ")) {
    reported.access = AccessKind::kRead;
  } else if (words.take("WRITE of size ") || words.take("Write of size ") ||
             words.take("write of size ")) {
    reported.access = AccessKind::kWrite;
  } else {
    return false;
  }
  reported.size = words.take_number().value_or(0);
  if (words.take_until(" at ")) {
    if (const auto address = words.take_hex()) reported.address = Address(*address);
  }
  return true;
}

std::optional<AllocationFact> read_location(std::string_view line) {
  Words words(line);
  const auto address = words.take_hex();
  if (!address || !words.take(" is located ")) return std::nullopt;
  AllocationFact fact;
  fact.of = "fault address";
  fact.address = Address(*address);
  const auto distance = take_distance(words);
  if (!distance) return std::nullopt;
  if (read_global(words, *distance, fact) || read_region(words, *distance, fact)) return fact;
  return std::nullopt;
}

AllocationFact& allocation_of(Facts& facts, Address address) {
  HeapFacts& heap = facts.heap ? *facts.heap : facts.heap.emplace();
  if (heap.allocator.empty() && facts.reported) heap.allocator = facts.reported->tool;
  if (heap.allocations.empty()) {
    AllocationFact& fact = heap.allocations.emplace_back();
    fact.of = "fault address";
    fact.address = address;
    fact.place = "heap block";
  }
  return heap.allocations.front();
}

void add_related(SanitizerReport::Section& section, Facts& facts) {
  std::string_view title = section.title;
  while (title.ends_with(':')) title.remove_suffix(1);
  section.stack.title = title;
  facts.reported->related.push_back(std::move(section.stack));
}

const FunctionFact* user_function_of(const StackFacts& stack) {
  for (const FrameFact& frame : stack.frames) {
    for (const FunctionFact& function : frame.functions) {
      const CodeRole role = role_of({.short_name = function.short_name,
                                     .linkage_name = {},
                                     .file = function.file,
                                     .module_path = frame.module});
      if (role == CodeRole::kUser && !function.short_name.empty()) return &function;
    }
  }
  return nullptr;
}

}  // namespace inquest::diagnosis
