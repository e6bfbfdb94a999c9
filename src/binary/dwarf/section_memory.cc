#include "binary/dwarf/section_memory.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace inquest::dwarf {
namespace {

constexpr uint64_t kWord = 64;
constexpr uint64_t kGranule = PartSet::kGranule;

struct Header {
  uint64_t size = 0;  // of the section
  uint32_t runs = 0;
  uint32_t reserved = 0;
};

// Bits [first, last) of one word.
uint64_t mask(uint64_t first, uint64_t last) {
  const uint64_t below = last == kWord ? ~uint64_t{0} : (uint64_t{1} << last) - 1;
  return below & ~((uint64_t{1} << first) - 1);
}

// Calls `visit(word, mask)` for each word with granules of [begin, end) until it answers false.
template <typename Visit>
bool each_word(uint64_t begin, uint64_t end, Visit&& visit) {
  const uint64_t last = (end + kGranule - 1) / kGranule;
  for (uint64_t at = begin / kGranule; at < last;) {
    const uint64_t word = at / kWord;
    const uint64_t stop = std::min(last, (word + 1) * kWord);
    if (!visit(word, mask(at % kWord, stop - word * kWord))) return false;
    at = stop;
  }
  return true;
}

void append(Bytes& out, const auto& value) {
  const auto* at = reinterpret_cast<const uint8_t*>(&value);
  out.insert(out.end(), at, at + sizeof(value));
}

}  // namespace

PartSet::PartSet(uint64_t size)
    : size_(size), bits_((size + kGranule * kWord - 1) / (kGranule * kWord)) {}

bool PartSet::has(uint64_t begin, uint64_t end) const {
  if (begin >= end || end > size_) return begin == end;
  return each_word(begin, end,
                   [&](uint64_t word, uint64_t bits) { return (bits_[word] & bits) == bits; });
}

void PartSet::add(uint64_t begin, uint64_t end) {
  if (begin >= end || end > size_) return;
  each_word(begin, end, [&](uint64_t word, uint64_t bits) {
    bits_[word] |= bits;
    return true;
  });
}

void PartSet::add(const PartSet& other) {
  for (size_t i = 0; i < std::min(bits_.size(), other.bits_.size()); ++i)
    bits_[i] |= other.bits_[i];
}

bool PartSet::includes(const PartSet& other) const {
  for (size_t i = 0; i < other.bits_.size(); ++i) {
    if ((other.bits_[i] & ~(i < bits_.size() ? bits_[i] : 0)) != 0) return false;
  }
  return true;
}

uint64_t PartSet::granules() const {
  uint64_t count = 0;
  for (const uint64_t word : bits_) count += static_cast<uint64_t>(std::popcount(word));
  return count;
}

std::vector<PartSet::Run> PartSet::runs() const {
  std::vector<Run> runs;
  for (uint64_t i = 0; i < bits_.size(); ++i) {
    for (uint64_t left = bits_[i]; left != 0;) {
      const auto first = static_cast<uint64_t>(std::countr_zero(left));
      const auto count = static_cast<uint64_t>(std::countr_one(left >> first));
      left &= ~mask(first, first + count);
      const uint64_t at = i * kWord + first;
      if (!runs.empty() && runs.back().first + uint64_t{runs.back().count} == at) {
        runs.back().count += static_cast<uint32_t>(count);
      } else {
        runs.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(count)});
      }
    }
  }
  return runs;
}

Bytes encode_parts(const PartSet& parts, ByteView section) {
  if (parts.granules() * kGranule > kMaxKeptOfSection ||
      section.size() / kGranule >= std::numeric_limits<uint32_t>::max())
    return {};
  const auto runs = parts.runs();
  Bytes out;
  out.reserve(sizeof(Header) + runs.size() * sizeof(PartSet::Run) + parts.granules() * kGranule);
  append(out, Header{section.size(), static_cast<uint32_t>(runs.size()), 0});
  for (const PartSet::Run& run : runs) append(out, run);
  for (const PartSet::Run& run : runs) {
    const uint64_t begin = run.first * kGranule;
    const uint64_t end = std::min<uint64_t>(begin + run.count * kGranule, section.size());
    out.insert(out.end(), section.begin() + static_cast<ptrdiff_t>(begin),
               section.begin() + static_cast<ptrdiff_t>(end));
  }
  return out;
}

std::optional<PartSet> decode_parts(ByteView kept, std::span<uint8_t> section) {
  const auto header = load<Header>(kept);
  if (!header || header->size != section.size()) return std::nullopt;
  const auto table = slice(kept, sizeof(Header), header->runs * uint64_t{sizeof(PartSet::Run)});
  if (!table) return std::nullopt;
  ByteView contents = kept.subspan(sizeof(Header) + table->size());
  PartSet parts(section.size());
  uint64_t free_from = 0;
  for (uint64_t i = 0; i < header->runs; ++i) {
    const auto run = *load<PartSet::Run>(*table, i * sizeof(PartSet::Run));
    const uint64_t begin = run.first * kGranule;
    const uint64_t end = std::min<uint64_t>(begin + run.count * kGranule, section.size());
    if (begin < free_from || begin >= end || end - begin > contents.size()) return std::nullopt;
    std::copy_n(contents.begin(), end - begin, section.begin() + static_cast<ptrdiff_t>(begin));
    contents = contents.subspan(end - begin);
    parts.add(begin, end);
    free_from = end;
  }
  return contents.empty() ? std::optional(std::move(parts)) : std::nullopt;
}

}  // namespace inquest::dwarf
