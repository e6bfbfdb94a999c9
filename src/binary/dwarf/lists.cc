// Range lists and location lists: .debug_ranges, .debug_loc (DWARF 2 to 4), .debug_rnglists,
// .debug_loclists (DWARF 5, section 2.17.3 and 2.6.2), and the location lists of GNU split DWARF 4.
#include <algorithm>
#include <limits>

#include "binary/dwarf/constants.h"
#include "binary/dwarf/store.h"

namespace inquest::dwarf {
namespace {

constexpr uint64_t kForEver = std::numeric_limits<uint64_t>::max();

// Linkers write 0, −1 or −2 where the code was dropped (--gc-sections, COMDAT).
bool is_dropped(uint64_t low, const Layout& layout) {
  const uint64_t highest = layout.address_size == 4 ? 0xffffffff : kForEver;
  return low == 0 || low >= highest - 1;
}

uint64_t highest_address(const Layout& layout) {
  return layout.address_size == 4 ? 0xffffffff : kForEver;
}

// Reads a list whose end is only known at its end: asks the section for more as it goes, so that
// little is inflated and kept.
class ListReader : public Reader {
 public:
  ListReader(LazySection& section, uint64_t offset)
      : Reader(section.window(offset, kStep)), section_(section), offset_(offset) {
    start_ = position();
  }

  // Numbers of one entry, padded LEBs included.
  void next_entry() { need(kLargestEntry); }
  ByteView expression(uint64_t size) {
    need(size);
    return bytes(size);
  }

 private:
  static constexpr uint64_t kStep = 256;
  static constexpr uint64_t kLargestEntry = 64;

  void need(uint64_t size) {
    if (remaining() >= size || !ok()) return;
    const auto done = static_cast<uint64_t>(position() - start_);
    const uint64_t left = section_.size() - std::min(section_.size(), offset_ + done);
    if (remaining() >= left) return;
    const ByteView more = section_.window(offset_ + done, std::max(size, kStep));
    if (more.size() > remaining()) static_cast<Reader&>(*this) = Reader(more);
  }

  LazySection& section_;
  uint64_t offset_;
  const uint8_t* start_;
};

}  // namespace

// The place of a list in its section: an offset, or an index into the table of offsets at the
// unit's base.
std::optional<uint64_t> Store::list_offset(const Unit& unit, const Value& value, SectionKind kind) {
  if (value.form != kFormRnglistx && value.form != kFormLoclistx) return value.number;
  const uint64_t base = kind == kRnglists ? unit.root.rnglists_base : unit.root.loclists_base;
  const unsigned size = unit.layout.offset_size;
  const auto scaled = checked_multiply(value.number, size);
  const auto at = scaled ? checked_add(base, *scaled) : std::nullopt;
  const auto bytes = at ? unit.container->section(kind).part(*at, size) : std::nullopt;
  if (!bytes) return std::nullopt;
  return checked_add(base, Reader(*bytes).sized(size));
}

template <typename Visit>
void Store::visit_legacy_ranges(const Unit& unit, uint64_t offset, Visit&& visit) {
  const Container& owner = unit.container->split ? main() : *unit.container;
  ListReader reader(owner.section(kRanges), offset);
  uint64_t base = unit.root.low_pc;
  while (work_.spend()) {
    reader.next_entry();
    const uint64_t low = reader.sized(unit.layout.address_size);
    const uint64_t high = reader.sized(unit.layout.address_size);
    if (!reader.ok() || (low == 0 && high == 0)) return;
    if (low == highest_address(unit.layout)) {
      base = high;
    } else if (!visit(base + low, base + high)) {
      return;
    }
  }
}

template <typename Visit>
void Store::visit_rnglist(const Unit& unit, uint64_t offset, Visit&& visit) {
  ListReader reader(unit.container->section(kRnglists), offset);
  uint64_t base = unit.root.low_pc;
  const auto indexed = [&] { return indexed_address(unit, reader.uleb()).value_or(0); };
  const auto plain = [&] { return reader.sized(unit.layout.address_size); };
  while (work_.spend()) {
    reader.next_entry();
    uint64_t low = 0;
    uint64_t high = 0;
    switch (reader.u8()) {
      case kRleEndOfList:
        return;
      case kRleBaseAddressx:
        base = indexed();
        continue;
      case kRleBaseAddress:
        base = plain();
        continue;
      case kRleStartxEndx:
        low = indexed(), high = indexed();
        break;
      case kRleStartxLength:
        low = indexed(), high = low + reader.uleb();
        break;
      case kRleStartEnd:
        low = plain(), high = plain();
        break;
      case kRleStartLength:
        low = plain(), high = low + reader.uleb();
        break;
      case kRleOffsetPair:
        low = reader.uleb(), high = reader.uleb();
        low = is_dropped(base, unit.layout) && base != 0 ? 0 : base + low;
        high += base;
        break;
      default:
        return;
    }
    if (!reader.ok() || !visit(low, high)) return;
  }
}

// Calls `visit(low, high)` for each code range of the DIE until it answers false.
template <typename Visit>
void Store::visit_ranges(const Die& die, Visit&& visit) {
  if (!die.abbreviation->has_pc) return;
  const Unit& unit = *die.unit;
  Value low, high, list;
  for_each_attribute(die, [&](uint16_t name, const Value& value) {
    if (name == kAtLowPc) low = value;
    if (name == kAtHighPc) high = value;
    if (name == kAtRanges) list = value;
  });
  const auto checked = [&](uint64_t from, uint64_t to) {
    return is_dropped(from, unit.layout) || from >= to || visit(from, to);
  };
  if (low && high) {
    const auto start = address(unit, low);
    if (!start) return;
    // Since DWARF 4 the end may be a size.
    const uint64_t end = is_address(high) ? address(unit, high).value_or(0) : *start + high.number;
    checked(*start, end);
    return;
  }
  if (!list) return;
  if (unit.layout.version >= 5) {
    const auto offset = list_offset(unit, list, kRnglists);
    if (offset) visit_rnglist(unit, *offset, checked);
  } else {
    const uint64_t base = unit.container->split ? unit.root.gnu_ranges_base : 0;
    visit_legacy_ranges(unit, base + list.number, checked);
  }
}

std::vector<Range> Store::ranges(const Die& die) {
  constexpr size_t kMaxRanges = 1 << 20;
  std::vector<Range> result;
  visit_ranges(die, [&](uint64_t low, uint64_t high) {
    result.emplace_back(low, high);
    return result.size() < kMaxRanges;
  });
  return result;
}

bool Store::covers(const Die& die, uint64_t pc) {
  bool found = false;
  visit_ranges(die, [&](uint64_t low, uint64_t high) {
    found = low <= pc && pc < high;
    return !found;
  });
  return found;
}

namespace {

using LocationRange = DebugInfo::LocationRange;
constexpr size_t kMaxLocations = 1 << 16;

struct LocationReader {
  Store& store;
  const Unit& unit;
  ListReader reader;
  uint64_t base;
  std::vector<LocationRange> found;

  uint64_t indexed() { return store.indexed_address(unit, reader.uleb()).value_or(0); }
  uint64_t plain() { return reader.sized(unit.layout.address_size); }
  bool more() {
    reader.next_entry();
    return reader.ok() && found.size() < kMaxLocations && store.work().spend();
  }
  void add(uint64_t low, uint64_t high, ByteView expression) {
    if (reader.ok() && low < high) found.push_back({low, high, expression});
  }

  void read_v5() {
    while (more()) {
      uint64_t low = 0;
      uint64_t high = 0;
      switch (reader.u8()) {
        case kLleBaseAddressx:
          base = indexed();
          continue;
        case kLleBaseAddress:
          base = plain();
          continue;
        case kLleGnuViewPair:
          reader.skip_leb(), reader.skip_leb();
          continue;
        case kLleStartxEndx:
          low = indexed(), high = indexed();
          break;
        case kLleStartxLength:
          low = indexed(), high = low + reader.uleb();
          break;
        case kLleOffsetPair:
          low = base + reader.uleb(), high = base + reader.uleb();
          break;
        case kLleDefaultLocation:
          low = 0, high = kForEver;
          break;
        case kLleStartEnd:
          low = plain(), high = plain();
          break;
        case kLleStartLength:
          low = plain(), high = low + reader.uleb();
          break;
        default:
          return;  // the end, or a kind we do not know
      }
      add(low, high, reader.expression(reader.uleb()));
    }
  }

  void read_legacy() {
    while (more()) {
      const uint64_t low = plain();
      const uint64_t high = plain();
      if (low == 0 && high == 0) return;
      if (low == highest_address(unit.layout)) {
        base = high;
        continue;
      }
      add(base + low, base + high, reader.expression(reader.u16()));
    }
  }

  // GCC's -gsplit-dwarf with DWARF 4 (gcc.gnu.org/wiki/DebugFission).
  void read_gnu_split() {
    enum : uint8_t { kEnd = 0, kBase = 1, kStartEnd = 2, kStartLength = 3, kOffsetPair = 4 };
    while (more()) {
      uint64_t low = 0;
      uint64_t high = 0;
      switch (reader.u8()) {
        case kBase:
          base = indexed();
          continue;
        case kStartEnd:
          low = indexed(), high = indexed();
          break;
        case kStartLength:
          low = indexed(), high = low + reader.u32();
          break;
        case kOffsetPair:
          low = base + reader.u32(), high = base + reader.u32();
          break;
        default:
          return;
      }
      add(low, high, reader.expression(reader.u16()));
    }
  }
};

}  // namespace

std::vector<DebugInfo::LocationRange> Store::locations(const Die& die, const Value& value) {
  const Unit& unit = *die.unit;
  if (is_expression(value)) return {{0, kForEver, value.block}};
  const bool is_list = value.form == kFormSecOffset || value.form == kFormLoclistx ||
                       (is_section_offset(value) && unit.layout.version < 4);
  if (!is_list) return {};
  const SectionKind kind = unit.layout.version >= 5 ? kLoclists : kLoc;
  const auto offset = list_offset(unit, value, kind);
  if (!offset) return {};
  LocationReader list{
      *this, unit, ListReader(unit.container->section(kind), *offset), unit.root.low_pc, {}};
  if (kind == kLoclists) {
    list.read_v5();
  } else if (unit.container->split) {
    list.read_gnu_split();
  } else {
    list.read_legacy();
  }
  return std::move(list.found);
}

}  // namespace inquest::dwarf
