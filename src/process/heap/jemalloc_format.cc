#include "process/heap/jemalloc_format.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace inquest::process::jemalloc {
namespace {

constexpr uint32_t kLgGroup = 2;  // four size classes to a power of two
constexpr uint32_t kLgTiny = 3;   // the smallest
constexpr uint32_t kSlabBit = kArenaBits;

// 4 KiB pages are usual; builds for AArch64 may have 16 or 64 KiB. Processors with addresses of 57
// bits make a third level, and leave no room in a word for the size class.
constexpr uint64_t kCompactMask = ((uint64_t{1} << 48) - 1) & ~uint64_t{0x7f};
constexpr TreeShape kShapes[] = {
    {12, 48, {18, 18, 0}, 8, kCompactMask},
    {16, 48, {16, 16, 0}, 8, kCompactMask},
    {14, 48, {17, 17, 0}, 8, kCompactMask},
    {12, 57, {15, 15, 15}, 16, ~uint64_t{0x7f}},
};

constexpr Format kFormats[] = {
    {"5.3 or later", 17, 3, 20, 28, 0x7f, 5, true},
    {"5.1 - 5.2", 16, 2, 18, 26, 0x1, 0, false},
    {"5.0", 15, 2, 17, 25, 0x1, 0, false},
};

uint64_t bits_of(uint64_t word, uint32_t shift, uint32_t width) {
  return word >> shift & ((uint64_t{1} << width) - 1);
}

}  // namespace

std::span<const TreeShape> shapes() { return kShapes; }
std::span<const Format> formats() { return kFormats; }

SizeClasses::SizeClasses(uint32_t lg_quantum, uint32_t lg_page) {
  for (uint32_t lg = kLgTiny; lg < lg_quantum; ++lg) sizes_.push_back(uint64_t{1} << lg);
  for (uint64_t n = 1; n <= uint64_t{1} << kLgGroup; ++n) sizes_.push_back(n << lg_quantum);
  for (uint32_t lg = lg_quantum + kLgGroup; lg <= 62; ++lg) {
    for (uint64_t n = 1; n <= uint64_t{1} << kLgGroup; ++n) {
      if (lg == 62 && n == uint64_t{1} << kLgGroup) break;
      sizes_.push_back((uint64_t{1} << lg) + (n << (lg - kLgGroup)));
    }
  }
  const uint64_t first_large = uint64_t{1} << (lg_page + kLgGroup);
  small_count_ = static_cast<uint32_t>(std::lower_bound(sizes_.begin(), sizes_.end(), first_large) -
                                       sizes_.begin());
}

std::optional<Element> decode_element(const TreeShape& shape, const Format& format,
                                      ByteView bytes) {
  const auto word = load<uint64_t>(bytes, 0);
  if (!word) return std::nullopt;
  Element element;
  if (shape.element_size == 8) {
    const uint64_t mask = (uint64_t{1} << shape.address_bits) - 1;
    element.record = Address(*word & mask & ~format.element_flags);
    element.szind = static_cast<uint32_t>(*word >> shape.address_bits);
    element.slab = (*word & 1) != 0;
    return element;
  }
  const auto more = load<uint64_t>(bytes, 8);
  if (!more) return std::nullopt;
  element.record = Address(*word & ~format.element_flags);
  if (format.element_szind != 0) {
    element.szind = static_cast<uint32_t>(bits_of(*more, format.element_szind, 8));
    element.slab = (*more & 1) != 0;
  } else {
    element.szind = static_cast<uint32_t>(*more);
    element.slab = (*more >> 32 & 1) != 0;
  }
  return element;
}

std::optional<Extent> read_extent(const MemoryReader& memory, const TreeShape& shape,
                                  const Format& format, Address record) {
  uint8_t bytes[24];
  const ByteView view = memory.view(record, sizeof(bytes));
  if (view.size() == sizeof(bytes)) {
    std::memcpy(bytes, view.data(), sizeof(bytes));
  } else if (memory.read(record, bytes).size != sizeof(bytes)) {
    return std::nullopt;
  }
  const uint64_t word = *load<uint64_t>(bytes, 0), start = *load<uint64_t>(bytes, 8);
  const uint64_t size = *load<uint64_t>(bytes, 16) & ~(shape.page() - 1);
  Extent extent;
  extent.record = record;
  extent.start = Address(start);
  extent.pages.start = Address(start & ~(shape.page() - 1));
  const uint64_t limit = uint64_t{1} << (shape.address_bits - 1);  // of user addresses
  if (start == 0 || size == 0 || start >= limit || size > limit - extent.pages.start.value)
    return std::nullopt;
  extent.pages.end = extent.pages.start + size;
  extent.arena = static_cast<uint32_t>(bits_of(word, 0, kArenaBits));
  extent.slab = (word >> kSlabBit & 1) != 0;
  extent.szind = static_cast<uint32_t>(bits_of(word, format.szind, 8));
  const uint32_t lg_regions = shape.lg_page - kLgTiny;
  extent.nfree = static_cast<uint32_t>(bits_of(word, format.nfree, lg_regions + 1));
  extent.state = static_cast<ExtentState>(std::min<uint64_t>(
      bits_of(word, format.state, format.state_bits), static_cast<uint64_t>(ExtentState::kOther)));
  return extent;
}

SlabBits::SlabBits(const MemoryReader& memory, Address record, uint64_t count) : count_(count) {
  const uint64_t bytes = (count + 63) / 64 * 8;
  const auto got = memory.read(record + kBitmapOffset, {reinterpret_cast<uint8_t*>(words_), bytes});
  known_ = got.size == bytes;
  if (count % 64 != 0) words_[count / 64] &= (uint64_t{1} << count % 64) - 1;
}

uint64_t SlabBits::free_count() const {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < (count_ + 63) / 64; ++i)
    sum += static_cast<uint64_t>(std::popcount(words_[i]));
  return sum;
}

}  // namespace inquest::process::jemalloc
