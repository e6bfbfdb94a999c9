#include "process/heap/musl_slot.h"

namespace inquest::process::musl {
namespace {

// What p[-3] holds: the slot's index and, above it, how many spare bytes there are at its end.
constexpr uint32_t kIndexMask = 31;
constexpr uint32_t kManySpare = 5;    // the count is in the last four bytes of the slot
constexpr uint32_t kHoldsGroup = 6;   // the slot was given to another group
constexpr uint32_t kMovedTag = 0xe0;  // the block starts further in: u16 at [-2] says where
constexpr uint32_t kFreedTag = 0xff;
constexpr uint64_t kNarrow = 0xffff;  // the furthest offset, in units, that 16 bits can say
constexpr uint64_t kMaxAlignmentTries = 4096;

// The eight bytes in front of a block.
struct Header {
  uint32_t wide_offset;  // p[-8]: in units from the first slot, when `is_wide`
  uint32_t is_wide;      // p[-4]; the check byte of the slot before when p is at its slot's front
  uint32_t tag;          // p[-3]
  uint64_t offset;       // p[-2]
};

std::optional<Header> header_of(Words& words, Address block) {
  const auto word = words.at(block - 8);
  if (!word) return std::nullopt;
  return Header{.wide_offset = static_cast<uint32_t>(*word),
                .is_wide = static_cast<uint32_t>(*word >> 32 & 0xff),
                .tag = static_cast<uint32_t>(*word >> 40 & 0xff),
                .offset = *word >> 48};
}

std::optional<uint8_t> byte_at(Words& words, Address address) {
  const auto word = words.at(Address(address.value & ~uint64_t{7}));
  if (!word) return std::nullopt;
  return static_cast<uint8_t>(*word >> address.value % 8 * 8);
}

class SlotReader {
 public:
  SlotReader(Words& words, const Meta& meta, uint32_t index, uint32_t active)
      : words_(words), meta_(meta), index_(index), active_(active) {
    slot_.start = meta.slot(index);
    slot_.end = slot_.start + meta.stride() - kInBand;
    slot_.block = {.start = slot_.start,
                   .size = slot_.end - slot_.start,
                   .footprint = meta.stride(),
                   .state = BlockState::kLive,
                   .place = 0};
  }

  Slot read() {
    const auto front = header_of(words_, slot_.start);
    if (meta_.is_free(index_)) {
      slot_.size_known = false;
      read_free(front);
    } else if (!front) {
      slot_.size_known = false;
      find_fault(Slot::Fault::kAbsent, slot_.start - kInBand);
    } else if (find_block(*front)) {
      read_size();
    } else {
      slot_.size_known = false;
    }
    check_end();
    return slot_;
  }

 private:
  void find_fault(Slot::Fault fault, Address wrong) {
    if (slot_.fault != Slot::Fault::kNone) return;
    slot_.fault = fault;
    slot_.wrong = wrong;
  }

  void start_at(Address block) {
    slot_.block.start = block;
    slot_.block.size = slot_.end - block;
  }

  bool is_mapped() const { return meta_.map_pages != 0; }

  // Nothing stands in a free block: only its header tells whether it was ever handed out. The
  // memory of a group inside another one's slot is not fresh: what stands there may be older.
  void read_free(const std::optional<Header>& front) {
    slot_.block.state = BlockState::kFreed;
    if (!front) return;
    const bool marks_group =
        front->tag == (kHoldsGroup << 5 | index_);  // stays when it is given back
    const bool marks_block = front->tag == kMovedTag || front->tag == kFreedTag;
    if (front->tag == kMovedTag && index_ <= active_) {
      const Address moved = slot_.start + front->offset * kUnit;
      if (front->offset != 0 && moved < slot_.end) start_at(moved);
    }
    if (index_ > active_ || front->tag == 0 || (!marks_group && !marks_block && !is_mapped())) {
      slot_.block.state = BlockState::kUnused;
    } else if (!marks_group && !marks_block) {
      find_fault(Slot::Fault::kHeader, slot_.start - 3);
    }
  }

  // Does the header in front of `block` say that this is its slot and its place in the group?
  bool is_placed(const Header& header, Address block) const {
    const uint64_t units = (block - meta_.slot(0)) / kUnit;
    if ((header.tag & kIndexMask) != index_) return false;
    if (units <= kNarrow) return header.offset == units;
    return header.is_wide != 0 && header.offset == 0 && header.wide_offset == units;
  }

  bool find_block(const Header& front) {
    if (front.tag != kMovedTag) {
      header_ = front;
      if (is_placed(front, slot_.start)) return true;
      const bool tag_wrong = (front.tag & kIndexMask) != index_;
      find_fault(Slot::Fault::kHeader, slot_.start - (tag_wrong ? 3 : 2));
      return false;
    }
    // An alignment that moved it further than 16 bits can say left the lower bits only.
    for (uint64_t n = 0; n < kMaxAlignmentTries; ++n) {
      const Address block = slot_.start + (front.offset + n * (kNarrow + 1)) * kUnit;
      if (block >= slot_.end) break;
      if (block == slot_.start) continue;
      const auto header = header_of(words_, block);
      if (n == 0) start_at(block);
      if (!header || !is_placed(*header, block)) continue;
      header_ = *header;
      start_at(block);
      if (n == 0 && header->is_wide != 0) find_fault(Slot::Fault::kHeader, block - 4);
      return true;
    }
    find_fault(Slot::Fault::kHeader, slot_.block.start - 3);
    return false;
  }

  void read_size() {
    uint64_t spare = header_.tag >> 5;
    if (spare == kHoldsGroup) {
      slot_.nested = slot_.block.start;
      return;
    }
    if (spare > kHoldsGroup) return find_fault(Slot::Fault::kHeader, slot_.block.start - 3);
    if (spare == kManySpare) {
      const auto count = words_.at(slot_.end - 4);
      const auto zero = byte_at(words_, slot_.end - 5);
      if (!count || !zero) {
        slot_.size_known = false;
        return;
      }
      spare = static_cast<uint32_t>(*count);
      const bool possible = spare >= kManySpare && spare <= slot_.block.size;
      if (!possible || *zero != 0) {
        slot_.size_known = false;
        return find_fault(Slot::Fault::kReserve, slot_.end - (*zero != 0 ? 5 : 4));
      }
    }
    slot_.block.size -= spare;
    if (spare == 0) return;  // the check byte behind the slot is the one
    const auto zero = byte_at(words_, slot_.block.end());
    if (zero && *zero != 0) find_fault(Slot::Fault::kSizeEnd, slot_.block.end());
  }

  void check_end() {
    if (slot_.block.state == BlockState::kUnused) return;
    const auto zero = byte_at(words_, slot_.end);
    if (zero && *zero != 0) find_fault(Slot::Fault::kCheckByte, slot_.end);
  }

  Words& words_;
  const Meta& meta_;
  uint32_t index_, active_;
  Header header_{};
  Slot slot_;
};

}  // namespace

Slot read_slot(Words& words, const Meta& meta, uint32_t index, uint32_t active) {
  return SlotReader(words, meta, index, active).read();
}

}  // namespace inquest::process::musl
