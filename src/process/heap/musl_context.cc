#include "process/heap/musl_context.h"

#include <algorithm>
#include <array>

namespace inquest::process::musl {
namespace {

// struct meta_area { uint64_t check; struct meta_area *next; int nslots; struct meta slots[]; }
constexpr uint64_t kAreaHeader = 24, kMetaSize = 40;
constexpr uint64_t kMetasInArea = (kPage - kAreaHeader) / kMetaSize;
// Where meta_area_head may stand in the context: 56 where the page size is a constant, 64 else.
constexpr uint64_t kFirstHead = 48, kLastHead = 80;
// Writable data of one mapping beyond this size is not searched.
constexpr uint64_t kMaxSearched = uint64_t{64} << 20;
// init_done stands behind the secret, or behind the page size that follows the secret.
constexpr uint64_t kInitDone = 8, kInitDoneBehindPageSize = 16;
constexpr uint64_t kMaxPageSize = 65536;
constexpr size_t kMaxContexts = 8;

constexpr std::array<uint16_t, kClasses> kSlotUnits = {
    1,   2,   3,   4,    5,    6,    7,    8,    9,    10,   12,   15,   18,   20,   25,   31,
    36,  42,  50,  63,   72,   84,   102,  127,  146,  170,  204,  255,  292,  340,  409,  511,
    584, 682, 818, 1023, 1169, 1364, 1637, 2047, 2340, 2730, 3276, 4095, 4680, 5460, 6552, 8191};

bool may_hold_context(const Mapping& mapping) {
  if (mapping.protection && (!mapping.protection->write || !mapping.protection->read)) return false;
  return mapping.path != "[stack]" && mapping.path != "[heap]";
}

// Data of a module, or what follows it: its .bss. Cores of old kernels name no files: then it may
// be any writable memory.
std::vector<AddressRange> searched_areas(const HeapInput& input, bool near_files) {
  std::vector<AddressRange> areas;
  const Mapping* before = nullptr;
  bool before_is_near = false;
  for (const Mapping& mapping : input.image.mappings) {
    const bool adjacent = before != nullptr && before->range.end == mapping.range.start;
    const bool of_module =
        input.modules != nullptr && input.modules->find(mapping.range.start) != nullptr;
    const bool of_file = !mapping.path.empty() && mapping.path.front() == '/';
    const bool near = of_module || of_file || (adjacent && before_is_near);
    before = &mapping;
    before_is_near = near;
    if (near != near_files || !may_hold_context(mapping)) continue;
    AddressRange range = mapping.range;
    if (range.size() > kMaxSearched) range.end = range.start + kMaxSearched;
    areas.push_back(range);
  }
  return areas;
}

std::optional<Address> area_pointer(const HeapInput& input, uint64_t value, uint64_t secret) {
  if (value == 0 || value % kPage != 0) return std::nullopt;
  const auto check = input.memory.load<uint64_t>(Address(value));
  return check == secret ? std::optional(Address(value)) : std::nullopt;
}

// Is there a context at offset `at` of `bytes`, which lie at `base`?
std::optional<Context> context_at(const HeapInput& input, ByteView bytes, Address base,
                                  uint64_t at) {
  const auto word = [&](uint64_t offset) { return load<uint64_t>(bytes, at + offset); };
  const auto is_done = [&](uint64_t offset) { return load<uint32_t>(bytes, at + offset) == 1; };
  const auto second = word(kInitDone);
  const bool is_page_size =
      second && *second >= kPage && *second <= kMaxPageSize && (*second & (*second - 1)) == 0;
  if (!is_done(kInitDone) && !(is_page_size && is_done(kInitDoneBehindPageSize)))
    return std::nullopt;
  const auto secret = word(0);
  if (!secret || *secret == 0) return std::nullopt;
  for (uint64_t head = kFirstHead; head <= kLastHead; head += 8) {
    const auto first = word(head), last = word(head + 8);
    if (!first || !last) break;
    const auto first_area = area_pointer(input, *first, *secret);
    if (!first_area) continue;
    const auto last_area = area_pointer(input, *last, *secret);
    if (!last_area) continue;
    Context context;
    context.at = base + at;
    context.secret = *secret;
    context.first_area = *first_area;
    context.last_area = *last_area;
    context.active = context.at + head + 24;
    if (input.modules != nullptr) context.module = input.modules->find(context.at);
    return context;
  }
  return std::nullopt;
}

void search(const HeapInput& input, const std::vector<AddressRange>& areas,
            std::vector<Context>& found) {
  for (const AddressRange& area : areas) {
    Address start = area.start;
    while (start < area.end) {
      const ByteView bytes = input.memory.view(start, area.end - start);
      for (uint64_t at = 0; at + kLastHead + 16 <= bytes.size(); at += 8) {
        if (found.size() >= kMaxContexts) return;
        if (auto context = context_at(input, bytes, start, at)) found.push_back(*context);
      }
      start = start + std::max<uint64_t>(bytes.size(), kPage);
    }
  }
}

Meta parse_meta(ByteView bytes, Address at) {
  const uint64_t packed = load<uint64_t>(bytes, 32).value_or(0);
  Meta meta;
  meta.at = at;
  meta.prev = Address(load<uint64_t>(bytes, 0).value_or(0));
  meta.next = Address(load<uint64_t>(bytes, 8).value_or(0));
  meta.group = Address(load<uint64_t>(bytes, 16).value_or(0));
  meta.avail = load<uint32_t>(bytes, 24).value_or(0);
  meta.freed = load<uint32_t>(bytes, 28).value_or(0);
  meta.last = packed & 31;
  meta.freeable = (packed >> 5 & 1) != 0;
  meta.sizeclass = packed >> 6 & 63;
  meta.map_pages = packed >> 12;
  return meta;
}

bool is_possible(const Meta& meta) {
  if (meta.group.is_null() || meta.group.value % kUnit != 0) return false;
  if (meta.map_pages >= uint64_t{1} << 35 || (meta.map_pages == 0 && meta.sizeclass == kMapped))
    return false;
  if (meta.map_pages != 0 && meta.group.value % kPage != 0) return false;
  if (meta.sizeclass >= kClasses && (meta.sizeclass != kMapped || meta.last != 0)) return false;
  if (meta.group.value > ~uint64_t{0} - (uint64_t{1} << 48)) return false;
  return meta.map_pages == 0 || kUnit + meta.stride() * meta.slots() <= meta.map_bytes();
}

}  // namespace

std::span<const uint16_t> slot_units() { return kSlotUnits; }

uint64_t Meta::stride() const {
  if (last == 0 && map_pages != 0) return map_bytes() - kUnit;
  return kUnit * kSlotUnits[sizeclass % kClasses];
}

AddressRange Meta::extent() const {
  if (map_pages != 0) return {group, group + map_bytes()};
  return {group, slot(slots()) - kInBand + 1};
}

std::vector<Context> find_contexts(const HeapInput& input) {
  std::vector<Context> found;
  search(input, searched_areas(input, true), found);
  if (searched_areas(input, true).empty()) search(input, searched_areas(input, false), found);
  return found;
}

std::optional<Meta> read_meta(const HeapInput& input, const Context& context, Address at) {
  const Address area = at.page();
  if (input.memory.load<uint64_t>(area) != context.secret) return std::nullopt;
  if (at - area < kAreaHeader || (at - area - kAreaHeader) % kMetaSize != 0) return std::nullopt;
  const ByteView bytes = input.memory.view(at, kMetaSize);
  if (bytes.size() < kMetaSize) return std::nullopt;
  const Meta meta = parse_meta(bytes, at);
  return is_possible(meta) ? std::optional(meta) : std::nullopt;
}

AreaScan each_meta(const HeapInput& input, const Context& context,
                   const std::function<void(const Meta&)>& visit) {
  AreaScan scan;
  Address mark;  // moves ahead by powers of two: a circle meets it again
  uint64_t next_mark = 1;
  for (Address area = context.first_area; !area.is_null() && scan.areas < kMaxAreas; ++scan.areas) {
    const ByteView bytes = input.memory.view(area, kPage);
    scan.absent = bytes.size() < kPage;
    if (scan.absent || area.value % kPage != 0 || load<uint64_t>(bytes, 0) != context.secret) {
      scan.broken = area;
      break;
    }
    for (uint64_t i = 0; i < kMetasInArea; ++i) {
      const uint64_t offset = kAreaHeader + i * kMetaSize;
      const Meta meta = parse_meta(bytes.subspan(offset, kMetaSize), area + offset);
      if (is_possible(meta)) visit(meta);
    }
    if (scan.areas == next_mark) {
      mark = area;
      next_mark *= 2;
    }
    area = Address(load<uint64_t>(bytes, 8).value_or(0));
    if (area == mark || area == context.first_area) {
      if (!area.is_null()) scan.broken = area;
      break;
    }
  }
  return scan;
}

}  // namespace inquest::process::musl
