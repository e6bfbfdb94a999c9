#include "process/input/minidump_memory.h"

#include <algorithm>
#include <tuple>

#include "base/cursor.h"

namespace inquest::process {
namespace {

constexpr uint64_t kDescriptorSize = 16;
constexpr uint64_t kMinInfoSize = 48;    // MINIDUMP_MEMORY_INFO
constexpr uint32_t kCommitted = 0x1000;  // MEM_COMMIT

// PAGE_* constants of memoryapi.h.
Protection protection_of(uint32_t page) {
  constexpr uint32_t kReadOnly = 0x02, kReadWrite = 0x04, kWriteCopy = 0x08, kExecute = 0x10,
                     kExecuteRead = 0x20, kExecuteReadWrite = 0x40, kExecuteWriteCopy = 0x80;
  Protection protection;
  protection.execute =
      (page & (kExecute | kExecuteRead | kExecuteReadWrite | kExecuteWriteCopy)) != 0;
  protection.write =
      (page & (kReadWrite | kWriteCopy | kExecuteReadWrite | kExecuteWriteCopy)) != 0;
  protection.read = protection.write || (page & (kReadOnly | kExecuteRead)) != 0;
  return protection;
}

class Collector {
 public:
  explicit Collector(size_t* unusable) : unusable_(unusable) {}

  void add(uint64_t start, uint64_t size, uint64_t offset) {
    if (size == 0) return;
    const auto end = checked_add(start, size);
    if (!end || ranges.size() >= kMaxMemoryRanges) {
      ++*unusable_;
      return;
    }
    ranges.push_back({{Address(start), Address(*end)}, offset, false});
  }

  std::vector<MinidumpRange> ranges;

 private:
  size_t* unusable_;
};

// Sorted, each clipped by those before it.
void tidy(std::vector<MinidumpRange>& ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const MinidumpRange& a, const MinidumpRange& b) {
    return std::tie(a.range.start, b.range.end, a.offset) <
           std::tie(b.range.start, a.range.end, b.offset);
  });
  Address floor;
  std::erase_if(ranges, [&](MinidumpRange& range) {
    if (range.range.end <= floor) return true;
    if (range.range.start < floor) {
      range.offset += floor - range.range.start;
      range.range.start = floor;
    }
    floor = range.range.end;
    return false;
  });
}

// What lies in `ranges` and in none of `mappings` gets a mapping, so that every byte has one. Both
// are sorted and do not overlap.
void add_unmapped(const std::vector<MinidumpRange>& ranges, std::vector<Mapping>& mappings) {
  std::vector<Mapping> added;
  size_t next = 0;
  const auto add = [&](Address start, Address end, bool is_stack) {
    if (start >= end) return;
    Mapping mapping;
    mapping.range = {start, end};
    // Of other memory nothing is said; a stack can be read and written, or it would be none.
    if (is_stack) mapping.protection = Protection{true, true, false};
    added.push_back(std::move(mapping));
  };
  for (const MinidumpRange& range : ranges) {
    Address at = range.range.start;
    while (next < mappings.size() && mappings[next].range.end <= at) ++next;
    for (size_t i = next; i < mappings.size() && mappings[i].range.start < range.range.end; ++i) {
      add(at, mappings[i].range.start, range.is_stack);
      at = std::max(at, mappings[i].range.end);
    }
    add(at, range.range.end, range.is_stack);
  }
  mappings.insert(mappings.end(), std::make_move_iterator(added.begin()),
                  std::make_move_iterator(added.end()));
  std::sort(mappings.begin(), mappings.end(),
            [](const Mapping& a, const Mapping& b) { return a.range.start < b.range.start; });
}

}  // namespace

std::vector<MinidumpRange> read_memory_lists(const MinidumpFile& file, size_t* unusable) {
  Collector collector(unusable);
  for (const ByteView entry : file.list(minidump::kMemoryList, kDescriptorSize)) {
    const minidump::Location where = location_at(entry, 8);
    collector.add(*load<uint64_t>(entry), where.size, where.rva);
  }
  Cursor cursor(file.stream(minidump::kMemory64List));
  const uint64_t count = cursor.u64();
  uint64_t offset = cursor.u64();
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t start = cursor.u64();
    const uint64_t size = cursor.u64();
    const auto next = checked_add(offset, size);
    if (!cursor.ok() || !next) break;
    collector.add(start, size, offset);
    offset = *next;
  }
  return std::move(collector.ranges);
}

std::vector<Mapping> read_memory_info(const MinidumpFile& file) {
  std::vector<Mapping> mappings;
  Cursor cursor(file.stream(minidump::kMemoryInfoList));
  const uint32_t header_size = cursor.u32();
  const uint32_t entry_size = cursor.u32();
  const uint64_t count = cursor.u64();
  if (!cursor.ok() || header_size < cursor.offset() || entry_size < kMinInfoSize) return mappings;
  cursor.seek(header_size);
  for (uint64_t i = 0; i < count && mappings.size() < kMaxMemoryRanges; ++i) {
    const ByteView entry = cursor.bytes(entry_size);
    if (!cursor.ok()) break;
    const uint64_t start = *load<uint64_t>(entry);
    const auto end = checked_add(start, *load<uint64_t>(entry, 24));
    if (!end || *end == start || *load<uint32_t>(entry, 32) != kCommitted) continue;
    Mapping mapping;
    mapping.range = {Address(start), Address(*end)};
    mapping.protection = protection_of(*load<uint32_t>(entry, 36));
    mappings.push_back(std::move(mapping));
  }
  std::sort(mappings.begin(), mappings.end(), [](const Mapping& a, const Mapping& b) {
    return std::tie(a.range.start, a.range.end) < std::tie(b.range.start, b.range.end);
  });
  Address floor;
  std::erase_if(mappings, [&](Mapping& mapping) {
    mapping.range.start = std::max(mapping.range.start, floor);
    floor = std::max(floor, mapping.range.end);
    return mapping.range.start >= mapping.range.end;
  });
  return mappings;
}

std::vector<Mapping> mappings_of_parts(const std::vector<ListedModule>& modules,
                                       const std::vector<MinidumpRange>& given) {
  std::vector<Mapping> mappings;
  Address floor;
  for (const ListedModule& module : modules) {
    if (module.range.end <= floor) continue;
    Mapping mapping;
    mapping.range = {std::max(module.range.start, floor), module.range.end};
    mapping.path = module.path;
    mapping.file_offset = mapping.range.start - module.range.start;
    floor = mapping.range.end;
    mappings.push_back(std::move(mapping));
  }
  std::vector<MinidumpRange> ranges = given;
  tidy(ranges);
  add_unmapped(ranges, mappings);
  return mappings;
}

MinidumpPieces cross_memory(ByteView file, std::vector<MinidumpRange> ranges,
                            std::vector<Mapping>& mappings) {
  tidy(ranges);
  add_unmapped(ranges, mappings);
  MinidumpPieces result;
  size_t next = 0;
  for (Mapping& mapping : mappings) {
    Address at = mapping.range.start;
    while (next < ranges.size() && ranges[next].range.end <= at) ++next;
    for (size_t i = next; i < ranges.size() && ranges[i].range.start < mapping.range.end; ++i) {
      const Address start = std::max(ranges[i].range.start, at);
      const Address end = std::min(ranges[i].range.end, mapping.range.end);
      if (at < start) result.pieces.push_back({.range = {at, start}});
      CoreMemory::Piece piece{.range = {start, end}};
      piece.dumped = piece.range.size();
      const auto offset = checked_add(ranges[i].offset, start - ranges[i].range.start);
      piece.offset = offset.value_or(UINT64_MAX);
      piece.available =
          piece.offset >= file.size() ? 0 : std::min(piece.dumped, file.size() - piece.offset);
      if (start == mapping.range.start + mapping.dumped) mapping.dumped += piece.dumped;
      mapping.truncated = mapping.truncated || piece.available < piece.dumped;
      result.lost += piece.dumped - piece.available;
      result.pieces.push_back(piece);
      at = end;
    }
    if (at < mapping.range.end) result.pieces.push_back({.range = {at, mapping.range.end}});
  }
  return result;
}

}  // namespace inquest::process
