#include "process/modules/compare.h"

#include <algorithm>

namespace inquest::process {
namespace {

constexpr uint32_t kPtLoad = 1, kPtDynamic = 2, kWrite = 2;
constexpr uint64_t kDtNull = 0, kDtDebug = 21, kDtTextrel = 22;
constexpr size_t kMaxEntries = 1024;
constexpr size_t kEnoughEntries = 5;
constexpr uint64_t kPage = 0x1000;
constexpr uint64_t kSampledPages = 16;   // of each segment
constexpr uint64_t kLoSun = 0x6ffffd00;  // tags from here up are flags, counts and pointers alike

struct Tally {
  size_t same = 0;
  bool differs = false;
};

// ld.so adds the bias to pointers in place on some architectures and versions, and fills DT_DEBUG
// in.
Tally compare_dynamic(const elf::File& file, uint64_t bias, const MemoryReader& memory) {
  Tally tally;
  for (const elf::Segment& segment : file.segments()) {
    if (segment.type != kPtDynamic) continue;
    const auto bytes = slice(file.bytes(), segment.offset, segment.file_size);
    if (!bytes) continue;
    for (size_t i = 0; i < std::min(kMaxEntries, bytes->size() / 16); ++i) {
      const uint64_t tag = *load<uint64_t>(*bytes, i * 16);
      const uint64_t value = *load<uint64_t>(*bytes, i * 16 + 8);
      const Address at(segment.vaddr + bias + i * 16);
      const auto memory_tag = memory.load<uint64_t>(at);
      const auto memory_value = memory.load<uint64_t>(at + 8);
      if (!memory_tag || !memory_value) break;
      if (*memory_tag != tag) {
        tally.differs = true;
        break;
      }
      if (tag == kDtNull) break;
      if (tag == kDtDebug) continue;
      if (*memory_value == value || *memory_value == value + bias) {
        ++tally.same;
      } else if (tag < kLoSun) {
        tally.differs = true;
      }
    }
  }
  return tally;
}

Tally compare_read_only(const elf::File& file, uint64_t bias, const MemoryReader& memory) {
  Tally tally;
  if (file.dynamic_value(static_cast<int64_t>(kDtTextrel))) return tally;
  for (const elf::Segment& segment : file.segments()) {
    if (segment.type != kPtLoad || (segment.flags & kWrite) != 0) continue;
    const uint64_t pages = segment.file_size / kPage;
    const uint64_t step = std::max<uint64_t>(1, pages / kSampledPages) * kPage;
    for (uint64_t at = 0; at < segment.file_size; at += step) {
      const uint64_t size = std::min(kPage, segment.file_size - at);
      const auto stored = file.bytes_at_vaddr(segment.vaddr + at, size);
      if (!stored) break;
      const ByteView held = memory.view(Address(segment.vaddr + bias + at), size);
      if (held.empty()) continue;
      if (!std::equal(held.begin(), held.end(), stored->begin())) {
        tally.differs = true;
        return tally;
      }
      ++tally.same;
    }
  }
  return tally;
}

}  // namespace

Comparison compare_with_memory(const elf::File& file, uint64_t bias, const MemoryReader& memory) {
  const Tally dynamic = compare_dynamic(file, bias, memory);
  const Tally constant = compare_read_only(file, bias, memory);
  if (dynamic.differs || constant.differs) return Comparison::kDisagrees;
  // One page alone may be the ELF header's, which says little; a dynamic section is unlike any
  // other build's.
  return dynamic.same >= kEnoughEntries || constant.same >= 2 ? Comparison::kAgrees
                                                              : Comparison::kNothing;
}

}  // namespace inquest::process
