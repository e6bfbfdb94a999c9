#include "process/heap/musl_heap.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::process {

std::vector<std::unique_ptr<Allocator>> recognise_musl(const HeapInput& input) {
  std::vector<std::unique_ptr<Allocator>> found;
  for (const musl::Context& context : musl::find_contexts(input)) {
    found.push_back(std::make_unique<musl::MuslHeap>(input, context));
  }
  return found;
}

namespace musl {
namespace {

constexpr size_t kBatch = 4096;
constexpr size_t kMaxGroups = size_t{1} << 24;
// Groups lie in slots of groups of larger slots: never deeper than this.
constexpr int kMaxDepth = 8;
constexpr uint64_t kMaxRing = 4096;  // groups of one active ring that check() follows
constexpr uint32_t kActiveMask = 31;
// From active[] to the end of the context: the rings, usage by class, three tables of bytes, brk.
constexpr uint64_t kContextTail = kClasses * 16 + 32 + 32 + 8 + 8;
// Indexes of places_: nothing, mapped alone, and three for each sizeclass.
constexpr uint32_t kMappedPlace = 1, kFirstClassPlace = 2, kPlacesOfClass = 3;

Address last_of(const AddressRange& range) { return range.end - 1; }

}  // namespace

MuslHeap::MuslHeap(const HeapInput& input, const Context& context)
    : input_(input), context_(context) {
  describe_places();
  find_groups();
  find_regions();
}

void MuslHeap::describe_places() {
  places_ = {"", "mapped on its own"};
  for (const uint16_t units : slot_units()) {
    const std::string of = fmt::format("a group of {}-byte slots", units * kUnit);
    places_.push_back("the freed slots of " + of);
    places_.push_back("the slots that are handed out next of " + of);
    places_.push_back("the unused slots of " + of);
  }
}

uint32_t MuslHeap::place_index(const Meta& meta, uint32_t slot, BlockState state) const {
  if (state == BlockState::kLive && meta.sizeclass == kMapped) return kMappedPlace;
  if (state == BlockState::kLive || meta.sizeclass >= kClasses) return 0;
  const uint32_t first = kFirstClassPlace + meta.sizeclass * kPlacesOfClass;
  if (state == BlockState::kUnused) return first + 2;
  return (meta.freed >> slot & 1) != 0 ? first : first + 1;
}

void MuslHeap::find_groups() {
  Address area;
  const AreaScan scan = each_meta(input_, context_, [&](const Meta& meta) {
    if (meta.at.page() != area) {
      area = meta.at.page();
      areas_.push_back({area, area + kPage});
    }
    const bool nested = meta.map_pages == 0 && meta.freeable;
    if (!nested && tops_.size() < kMaxGroups) tops_.push_back({meta.extent(), meta.at});
  });
  if (scan.broken) {
    notes_.push_back(fmt::format(
        "the records of musl's allocator were read up to {}, {}: groups beyond are not known",
        to_hex(*scan.broken),
        scan.absent ? "which is not in the core" : "which does not carry its secret"));
  }
  std::sort(tops_.begin(), tops_.end(),
            [](const Top& a, const Top& b) { return a.extent.start < b.extent.start; });
  Address end;
  const size_t claimed = tops_.size();
  std::erase_if(tops_, [&](const Top& top) {
    const bool bad = top.extent.start < end || top.extent.end <= top.extent.start ||
                     input_.image.mapping_at(last_of(top.extent)) == nullptr;
    if (!bad) end = top.extent.end;
    return bad;
  });
  if (tops_.size() != claimed) {
    notes_.push_back(fmt::format(
        "{} of the {} groups that musl's allocator records lie over each other or in no memory",
        claimed - tops_.size(), claimed));
  }
}

// Neighbours are one region: there may be a hundred thousand groups.
void MuslHeap::find_regions() {
  for (const Top& top : tops_) {
    if (!regions_.empty() && top.extent.start - regions_.back().range.end < kUnit) {
      regions_.back().range.end = top.extent.end;
    } else {
      regions_.push_back({top.extent, "groups of musl's malloc"});
    }
  }
}

std::vector<AddressRange> MuslHeap::records() const {
  std::vector<AddressRange> ranges = areas_;
  ranges.push_back({context_.at, context_.active + kContextTail});
  return ranges;
}

std::optional<Address> MuslHeap::record_of(Address pointer) const {
  if (pointer.value % kUnit != 0) return std::nullopt;
  const auto header = input_.memory.load<uint64_t>(pointer - 8);
  if (!header) return std::nullopt;
  const bool is_wide = (*header >> 32 & 0xff) != 0;
  const uint64_t units = is_wide ? *header & 0xffffffff : *header >> 48;
  return input_.memory.load_pointer(pointer - kUnit * units - kUnit);
}

const MuslHeap::Top* MuslHeap::top_at(Address address) const {
  const auto after =
      std::upper_bound(tops_.begin(), tops_.end(), address,
                       [](Address a, const Top& top) { return a < top.extent.start; });
  if (after == tops_.begin()) return nullptr;
  const Top& top = *std::prev(after);
  return top.extent.contains(address) ? &top : nullptr;
}

MuslHeap::Group MuslHeap::open(Words& words, const Meta& meta) const {
  const auto back = words.at(meta.group), active = words.at(meta.group + 8);
  Group group{.meta = meta, .active = meta.last, .header_agrees = !back || *back == meta.at.value};
  if (active && group.header_agrees) group.active = *active & kActiveMask;
  return group;
}

// Groups in slots of others, by address. Only wanted when the mark of one is overwritten.
std::optional<Meta> MuslHeap::nested_within(const AddressRange& range) const {
  if (!nested_) {
    nested_.emplace();
    static_cast<void>(each_meta(input_, context_, [&](const Meta& meta) {
      const bool nested = meta.map_pages == 0 && meta.freeable;
      if (nested && nested_->size() < kMaxGroups) nested_->emplace_back(meta.group, meta.at);
    }));
    std::sort(nested_->begin(), nested_->end());
  }
  const auto found =
      std::lower_bound(nested_->begin(), nested_->end(), std::pair(range.start, Address(0)));
  if (found == nested_->end() || !range.contains(found->first)) return std::nullopt;
  return read_meta(input_, context_, found->second);
}

// The group that a slot was given to: its record agrees and it fits. What stands in the slot may be
// overwritten; the record is not in its reach.
std::optional<MuslHeap::Group> MuslHeap::open_nested(Words& words, const Slot& slot) const {
  const auto fits = [&](const Meta& meta) {
    return meta.map_pages == 0 && meta.group >= slot.start && meta.extent().end <= slot.end + 1;
  };
  if (slot.nested) {
    const auto record = words.at(*slot.nested);
    const auto meta = record ? read_meta(input_, context_, Address(*record)) : std::nullopt;
    if (meta && meta->group == *slot.nested && fits(*meta)) return open(words, *meta);
  }
  if (!slot.nested && slot.fault != Slot::Fault::kHeader) return std::nullopt;
  const auto meta = nested_within({slot.start, slot.end});
  if (!meta || !fits(*meta)) return std::nullopt;
  return open(words, *meta);
}

Block MuslHeap::block_of(const Group& group, uint32_t index, const Slot& slot) const {
  Block block = slot.block;
  block.place = place_index(group.meta, index, block.state);
  if (slot.nested) {  // its record is gone: nobody can tell what lies in it
    block.state = BlockState::kUnknown;
    block.place = 0;
  }
  return block;
}

// Goes through a group and the groups in its slots, by address.
class MuslHeap::Walk {
 public:
  Walk(MuslHeap& heap, Words& words, const BlockVisitor& visitor)
      : heap_(heap), words_(words), visitor_(visitor) {
    batch_.reserve(kBatch);
  }

  bool group(const Group& group, int depth) {
    if (!put(header_of(group))) return false;
    heap_.check_group(words_, group, std::nullopt);
    for (uint32_t i = 0; i < group.meta.slots(); ++i) {
      const Slot slot = read_slot(words_, group.meta, i, group.active);
      if (slot.fault != Slot::Fault::kNone) heap_.check_slot(words_, group, i, slot);
      const auto nested =
          depth < kMaxDepth ? heap_.open_nested(words_, slot) : std::optional<Group>();
      if (nested) {
        if (!nested->header_agrees)
          heap_.check_group(words_, *nested, heap_.neighbour(words_, group, int64_t{i} - 1));
        if (!this->group(*nested, depth + 1)) return false;
        continue;
      }
      if (!put(heap_.block_of(group, i, slot))) return false;
    }
    return true;
  }
  bool flush() {
    if (!stopped_ && !batch_.empty()) stopped_ = !visitor_(batch_);
    batch_.clear();
    return !stopped_;
  }

 private:
  static Block header_of(const Group& group) {
    return {.start = group.meta.group,
            .size = kUnit - kInBand,
            .footprint = kUnit,
            .state = BlockState::kInternal,
            .place = 0};
  }
  bool put(const Block& block) {
    batch_.push_back(block);
    return batch_.size() < kBatch || flush();
  }

  MuslHeap& heap_;
  Words& words_;
  const BlockVisitor& visitor_;
  std::vector<Block> batch_;
  bool stopped_ = false;
};

void MuslHeap::visit(const BlockVisitor& visitor) {
  Words words(input_.memory, true);
  Walk walk(*this, words, visitor);
  for (const Top& top : tops_) {
    const auto meta = read_meta(input_, context_, top.meta);
    if (meta && !walk.group(open(words, *meta), 0)) return;
  }
  walk.flush();
}

void MuslHeap::check(std::span<const Address> near) {
  check_rings();
  Words words(input_.memory);
  for (const Address address : near) {
    const Top* top = top_at(address);
    const auto meta = top != nullptr ? read_meta(input_, context_, top->meta) : std::nullopt;
    std::optional<Group> group = meta ? std::optional(open(words, *meta)) : std::nullopt;
    std::optional<Block> before;  // what lies in front of the group
    for (int depth = 0; group && depth <= kMaxDepth; ++depth) {
      check_group(words, *group, before);
      std::optional<Group> inner;
      for (uint32_t i = 0; i < group->meta.slots(); ++i) {
        const Slot slot = read_slot(words, group->meta, i, group->active);
        if (slot.fault != Slot::Fault::kNone) check_slot(words, *group, i, slot);
        if (slot.start - kInBand > address || address > slot.end) continue;
        inner = open_nested(words, slot);
        if (inner) before = neighbour(words, *group, int64_t{i} - 1);
      }
      group = inner;
    }
  }
}

void MuslHeap::add_damage(HeapDamage damage) {
  const bool known = std::any_of(damage_.begin(), damage_.end(),
                                 [&](const HeapDamage& d) { return d.at == damage.at; });
  if (!known && damage_.size() < kMaxHeapDamage) damage_.push_back(std::move(damage));
}

void MuslHeap::check_group(Words& words, const Group& group, std::optional<Block> before) {
  const Meta& meta = group.meta;
  if (!group.header_agrees) {
    const auto back = words.at(meta.group);
    if (before && before->state != BlockState::kLive) before.reset();
    add_damage(
        {.kind = HeapDamage::Kind::kBoundary,
         .at = meta.group,
         .what = fmt::format("the group at {} says that its record is at {}, but it is at {}",
                             to_hex(meta.group), to_hex(back.value_or(0)), to_hex(meta.at)),
         .block = {},
         .overflown = before});
  }
  if ((meta.avail & meta.freed) != 0) {
    add_damage({.kind = HeapDamage::Kind::kDoubleFree,
                .at = meta.at + 24,
                .what = fmt::format("slots of the group at {} are free twice over: {:#x}",
                                    to_hex(meta.group), meta.avail & meta.freed),
                .block = {},
                .overflown = {}});
  }
}

// The header in front of a block is overrun by the block before it; what stands behind a block, by
// itself.
void MuslHeap::check_slot(Words& words, const Group& group, uint32_t index, const Slot& slot) {
  if (slot.fault == Slot::Fault::kAbsent) return;
  const Block block = block_of(group, index, slot);
  const auto value = input_.memory.load<uint8_t>(slot.wrong).value_or(0);
  HeapDamage damage;
  damage.at = slot.wrong;
  damage.block = block;
  if (slot.fault == Slot::Fault::kHeader) {
    damage.kind = block.state == BlockState::kFreed ? HeapDamage::Kind::kFreedWrite
                                                    : HeapDamage::Kind::kBoundary;
    damage.what =
        fmt::format("the header of the {} block at {} is overwritten: {:#04x} at {}",
                    to_string(block.state), to_hex(block.start), value, to_hex(slot.wrong));
    const auto before = neighbour(words, group, int64_t{index} - 1);
    if (before && before->state == BlockState::kLive && slot.wrong < slot.start) {
      damage.overflown = before;
      damage.kind = HeapDamage::Kind::kBoundary;
    }
  } else {
    damage.kind = block.state == BlockState::kFreed ? HeapDamage::Kind::kFreedWrite
                                                    : HeapDamage::Kind::kBoundary;
    damage.what = fmt::format(
        "{} the {} block of {} bytes at {} holds {:#04x}",
        slot.fault == Slot::Fault::kReserve ? "the spare end of" : "the zero byte behind",
        to_string(block.state), block.size, to_hex(block.start), value);
    if (block.state == BlockState::kLive) damage.overflown = block;
  }
  add_damage(std::move(damage));
}

// The rings of groups with free slots: each next one points back.
void MuslHeap::check_rings() {
  for (uint32_t sizeclass = 0; sizeclass < kClasses; ++sizeclass) {
    const auto first = input_.memory.load_pointer(context_.active + uint64_t{sizeclass} * 8);
    if (!first || first->is_null()) continue;
    Address at = *first;
    for (uint64_t n = 0; n < kMaxRing; ++n) {
      const auto next = input_.memory.load_pointer(at + 8);
      const auto back = next ? input_.memory.load_pointer(*next) : std::nullopt;
      if (!back || *back != at) {
        add_damage(
            {.kind = HeapDamage::Kind::kList,
             .at = at + 8,
             .what = fmt::format("the ring of groups of {}-byte slots breaks at the record {}",
                                 slot_units()[sizeclass] * kUnit, to_hex(at)),
             .block = {},
             .overflown = {}});
        break;
      }
      at = *next;
      if (at == *first) break;
    }
  }
}

std::string MuslHeap::place_of(const Group& group, uint32_t index, const Block& block) const {
  const Meta& meta = group.meta;
  if (block.state == BlockState::kUnknown || block.state == BlockState::kInternal) return {};
  if (block.state == BlockState::kLive) return places_[block.place];
  const std::string of = fmt::format("the group at {} (slot {} of {}, {} bytes each)",
                                     to_hex(meta.group), index, meta.slots(), meta.stride());
  if (block.state == BlockState::kUnused) return "the unused slots of " + of;
  return (meta.freed >> index & 1) != 0 ? "the freed slots of " + of
                                        : "the slots that are handed out next of " + of;
}

std::optional<Block> MuslHeap::neighbour(Words& words, const Group& group, int64_t index) const {
  if (index < 0 || index > int64_t{group.meta.last}) return std::nullopt;
  const auto i = static_cast<uint32_t>(index);
  const Slot slot = read_slot(words, group.meta, i, group.active);
  if (slot.nested) {
    Block block = slot.block;
    block.state = BlockState::kInternal;
    return block;
  }
  return block_of(group, i, slot);
}

Located MuslHeap::locate_in(Words& words, const Group& group, Address address) const {
  const Meta& meta = group.meta;
  Located located;
  located.proven = true;
  located.proof = fmt::format("the record at {}, which carries the allocator's secret, names it",
                              to_hex(meta.at));
  if (address < meta.slot(0) - kInBand) {
    located.block = {.start = meta.group,
                     .size = kUnit - kInBand,
                     .footprint = kUnit,
                     .state = BlockState::kInternal,
                     .place = 0};
    located.place = "the header of a group";
    return located;
  }
  const uint64_t in_slots = address < meta.slot(0) ? 0 : address - meta.slot(0);
  const uint64_t index = in_slots / meta.stride();
  if (index >= meta.slots()) {
    const Address rest = meta.slot(meta.slots());
    located.block = {.start = rest,
                     .size = meta.extent().end - rest,
                     .footprint = meta.extent().end - rest,
                     .state = BlockState::kUnused,
                     .place = 0};
    located.place = "what is left over behind the slots of a group";
    return located;
  }
  const auto i = static_cast<uint32_t>(index);
  const Slot slot = read_slot(words, meta, i, group.active);
  located.block = block_of(group, i, slot);
  located.place = place_of(group, i, located.block);
  located.before = neighbour(words, group, int64_t{i} - 1);
  located.behind = neighbour(words, group, int64_t{i} + 1);
  return located;
}

std::optional<Located> MuslHeap::locate(Address address) const {
  const Top* top = top_at(address);
  if (top == nullptr) return std::nullopt;
  const auto meta = read_meta(input_, context_, top->meta);
  if (!meta) return std::nullopt;
  Words words(input_.memory);
  Group group = open(words, *meta);
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    if (address < group.meta.slot(0)) break;
    const uint64_t index = (address - group.meta.slot(0)) / group.meta.stride();
    if (index >= group.meta.slots()) break;
    const Slot slot = read_slot(words, group.meta, static_cast<uint32_t>(index), group.active);
    const auto nested = open_nested(words, slot);
    if (!nested || address < nested->meta.group || address >= nested->meta.extent().end) break;
    group = *nested;
  }
  return locate_in(words, group, address);
}

}  // namespace musl
}  // namespace inquest::process
