// Hostile records of jemalloc: a sound heap of which words are overwritten with the input. Each
// patch says which area, where, and what.
#include <cstddef>
#include <cstdint>
#include <map>

#include "base/check.h"
#include "process/heap/census.h"
#include "process/heap/fake_jemalloc_test_util.h"
#include "process/heap/jemalloc_heap.h"

namespace {

using namespace inquest;
using namespace inquest::process;

constexpr size_t kPatchSize = 11;  // a byte for the area, two for the place, eight for the word
constexpr size_t kMaxPatches = 64, kMaxSlabs = 12;
// Tables of three levels are small. The search for the map, which knows real shapes only and reads
// much more, is done for some of the inputs.
constexpr TreeShape kSmall{16, 48, {11, 11, 10}, 8, ((uint64_t{1} << 48) - 1) & ~uint64_t{0x7f}};
constexpr uint8_t kSearched = 0xf0;

// A word that is near a sound one: fuzzers seldom guess addresses.
uint64_t word_of(const FakeJemalloc& fake, uint8_t kind, uint64_t raw) {
  switch (kind >> 4 & 7) {
    case 0:
      return raw;
    case 1:
      return FakeJemalloc::kHeap + raw % fake.heap_size;
    case 2:
      return fake.leaf() + fake.shape.leaf_bytes() + raw % FakeJemalloc::kRecords;
    case 3:
      return raw % 0x1000;
    case 4:
      return (fake.leaf() + fake.shape.leaf_bytes() + raw % 0x4000 / 0x80 * 0x80) |
             raw >> 56 << 48 | (raw >> 55 & 1);
    case 5:
      return FakeJemalloc::kSlots + raw % FakeJemalloc::kTlsSize;
    case 6:
      return fake.leaf();
    default:
      return raw & 0xffffff;
  }
}

void patch(FakeJemalloc& fake, const uint8_t* bytes) {
  uint16_t place = 0;
  uint64_t raw = 0;
  std::memcpy(&place, bytes + 1, 2);
  std::memcpy(&raw, bytes + 3, 8);
  const uint64_t offset = uint64_t{place} * 8;
  const uint64_t key = FakeJemalloc::kHeap >> fake.shape.root_shift();
  const uint64_t page =
      FakeJemalloc::kHeap >> fake.shape.lg_page & ((uint64_t{1} << fake.shape.leaf_bits()) - 1);
  uint64_t at = fake.leaf() + fake.shape.leaf_bytes() + offset % FakeJemalloc::kRecords;
  if (bytes[0] % 4 == 1) at = FakeJemalloc::kRoot + (key - 4 + offset / 8 % 16) * 8;
  if (bytes[0] % 4 == 2) at = FakeJemalloc::kTls + offset % FakeJemalloc::kTlsSize;
  if (bytes[0] % 4 == 3) at = fake.leaf() + (page + offset / 8 % 80) * 8;
  fake.set(at, word_of(fake, bytes[0], raw));
}

void build(FakeJemalloc& fake, const uint8_t* data, size_t size) {
  std::map<uint32_t, size_t> cached;  // by bin
  for (size_t i = 0; i < std::min(size, kMaxSlabs); ++i) {
    const uint32_t szind = data[i] / 4 % fake.classes.small_count();
    const uint64_t pages = fake.classes.size(szind) / fake.shape.page() + 1;
    if (data[i] % 4 == 0) {
      fake.extent(2, fake.classes.small_count() + szind % 8, false, data[i] % 3, 0x40);
      continue;
    }
    const uint64_t slab = fake.slab(szind, pages);
    const uint64_t regions = pages * fake.shape.page() / fake.classes.size(szind);
    const uint64_t block = fake.take(slab, data[i] % regions);
    if (data[i] % 4 == 2 && ++cached[szind] <= FakeJemalloc::kSlotsPerBin)
      fake.to_cache(block, szind);
  }
}

std::vector<std::unique_ptr<Allocator>> heaps(const HeapInput& input, const FakeJemalloc& fake,
                                              bool searched) {
  if (searched) return recognise_jemalloc(RootWords(input));
  std::vector<std::unique_ptr<Allocator>> all;
  const jemalloc::Layout layout{
      Address(FakeJemalloc::kRoot), fake.shape, fake.format, 4, true, nullptr};
  all.push_back(std::make_unique<jemalloc::JemallocHeap>(input, layout));
  return all;
}

void use(const FakeJemalloc& fake, bool searched) {
  const HeapInput input = fake.input();
  for (const auto& heap : heaps(input, fake, searched)) {
    const Address near[] = {Address(FakeJemalloc::kHeap), Address(FakeJemalloc::kHeap + 0x50000)};
    heap->check(near);
    static_cast<void>(take_census(input, *heap, 5));
    for (uint64_t at = FakeJemalloc::kHeap; at < FakeJemalloc::kHeap + 0x200000; at += 0x3208) {
      const auto found = heap->locate(Address(at));
      INQ_CHECK(!found || (found->block.start <= Address(at) && Address(at) < found->block.end()));
    }
    INQ_CHECK(heap->damage().size() <= kMaxHeapDamage);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMaxInput = 4096;
  if (size < 3 || size > kMaxInput) return 0;
  const bool searched = data[0] >= kSearched;
  FakeJemalloc fake(data[0] % 3, searched ? jemalloc::shapes()[1] : kSmall, 4);
  const size_t patches = std::min<size_t>(data[1] % kMaxPatches, (size - 2) / kPatchSize);
  const uint8_t* rest = data + 2 + patches * kPatchSize;
  build(fake, rest, size - 2 - patches * kPatchSize);
  for (size_t i = 0; i < patches; ++i) patch(fake, data + 2 + i * kPatchSize);
  use(fake, searched);
  return 0;
}
