// Hostile records of tcmalloc: a sound heap of which words are overwritten with the input. Each
// patch says which area, where, and what.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "process/heap/census.h"
#include "process/heap/fake_tcmalloc_test_util.h"
#include "process/heap/tcmalloc_heap.h"

namespace {

using namespace inquest;
using namespace inquest::process;

constexpr size_t kPatchSize = 11;  // a byte for the area, two for the place, eight for the word
constexpr size_t kMaxPatches = 64, kMaxSpans = 8;

// A word that is near a sound one: fuzzers seldom guess addresses.
uint64_t word_of(uint8_t kind, uint64_t raw) {
  switch (kind >> 4 & 7) {
    case 0:
      return raw;
    case 1:
      return FakeTcmalloc::kHeap + raw % FakeTcmalloc::kHeapSize;
    case 2:
      return FakeTcmalloc::kSpans + raw % 0x8000;
    case 3:
      return raw % 0x1000;
    case 4:
      return FakeTcmalloc::kHeap + raw % 64 * 160;
    case 5:
      return FakeTcmalloc::kBase;
    case 6:
      return FakeTcmalloc::kHeap / FakeTcmalloc::kPage + raw % 64;
    default:
      return raw & 0xffffff;
  }
}

void patch(FakeTcmalloc& fake, const uint8_t* bytes) {
  uint16_t place = 0;
  uint64_t raw = 0;
  std::memcpy(&place, bytes + 1, 2);
  std::memcpy(&raw, bytes + 3, 8);
  const uint64_t offset = uint64_t{place} * 8;
  uint64_t at = FakeTcmalloc::kSpans + offset % 0x8000;
  const uint64_t first = FakeTcmalloc::kHeap / FakeTcmalloc::kPage & 0x7fff;
  if (bytes[0] % 5 == 1) at = FakeTcmalloc::kCentral + offset % 0xc000;
  if (bytes[0] % 5 == 2) at = FakeTcmalloc::kHeap + offset;
  if (bytes[0] % 5 == 3) at = FakeTcmalloc::kBase + (first + place % 40) * 8;
  if (bytes[0] % 5 == 4) at = FakeTcmalloc::kRoot + ((FakeTcmalloc::kHeap >> 33) + place % 8) * 8;
  fake.set(at, word_of(bytes[0], raw));
}

void build(FakeTcmalloc& fake, const uint8_t* data, size_t size) {
  for (size_t i = 0; i < std::min(size, kMaxSpans); ++i) {
    // Small objects make big lists: from 64 bytes on.
    const uint64_t size_class = data[i] % 4 == 0 ? 0 : 5 + data[i] / 4 % 34;
    const uint64_t span =
        fake.span(1 + data[i] % 3, size_class, size_class == 0 ? data[i] / 4 % 3 : 0);
    if (size_class == 0) continue;
    for (uint64_t n = 0; n < data[i] % 7; ++n) fake.to_span(span, n * 3);
    if (data[i] % 4 == 2) fake.to_thread(fake.object(span, 31), size_class);
    if (data[i] % 4 == 3) fake.to_central(fake.object(span, 32), size_class);
  }
}

void use(const FakeTcmalloc& fake, bool searched) {
  const HeapInput input = fake.input();
  // The search for the map reads much more: it is done for some of the inputs.
  std::vector<std::unique_ptr<Allocator>> allocators;
  const TreeShape shape{18, 48, {15, 15, 0}, 8, ~uint64_t{7}};
  if (searched) {
    allocators = recognise_tcmalloc(RootWords(input));
  } else {
    allocators.push_back(std::make_unique<tcmalloc::TcmallocHeap>(
        input, tcmalloc::Layout{Address(FakeTcmalloc::kRoot), shape, nullptr}));
  }
  for (const auto& heap : allocators) {
    const Address near[] = {Address(FakeTcmalloc::kHeap), Address(FakeTcmalloc::kHeap + 0x90000)};
    heap->check(near);
    static_cast<void>(take_census(input, *heap, 5));
    for (uint64_t at = FakeTcmalloc::kHeap; at < FakeTcmalloc::kHeap + 0x200000; at += 0x13208) {
      const auto found = heap->locate(Address(at));
      INQ_CHECK(!found || (found->block.start <= Address(at) && Address(at) < found->block.end()));
    }
    INQ_CHECK(heap->damage().size() <= kMaxHeapDamage);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMaxInput = 4096;
  if (size < 2 || size > kMaxInput) return 0;
  FakeTcmalloc fake;
  const size_t patches = std::min<size_t>(data[0] % kMaxPatches, (size - 1) / kPatchSize);
  const uint8_t* rest = data + 1 + patches * kPatchSize;
  build(fake, rest, size - 1 - patches * kPatchSize);
  for (size_t i = 0; i < patches; ++i) patch(fake, data + 1 + i * kPatchSize);
  use(fake, data[0] >= 0xf0);
  return 0;
}
