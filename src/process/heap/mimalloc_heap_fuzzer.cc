// Hostile mimalloc heaps: a sound segment, then words written over its header, its table, the
// records of its pages, the heap's record and the links of free blocks. The first byte counts the
// patches and says whether links are encoded; what follows them says which blocks are freed, and
// onto which list.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "process/heap/census.h"
#include "process/heap/fake_mimalloc_test_util.h"
#include "process/heap/reachability.h"

namespace {

using namespace inquest;
using namespace inquest::process;

constexpr size_t kPatchSize = 11;  // a byte for the area and the kind, two for the place, eight
constexpr size_t kMaxPatches = 32, kMaxInput = 16 * 1024;

uint64_t word_of(const FakeMimalloc& fake, uint8_t kind, uint64_t raw) {
  switch (kind >> 4 & 3) {
    case 0:
      return raw;
    case 1:
      return FakeMimalloc::kSegment + raw % (FakeMimalloc::kSlice * FakeMimalloc::kCount) / 8 * 8;
    case 2:
      return fake.link(1, fake.block(1, raw % 64));
    default:
      return raw & 0xffff;
  }
}

void patch(FakeMimalloc& fake, const uint8_t* bytes) {
  const uint8_t kind = bytes[0];
  uint16_t place = 0;
  uint64_t raw = 0;
  std::memcpy(&place, bytes + 1, 2);
  std::memcpy(&raw, bytes + 3, 8);
  uint64_t at = FakeMimalloc::kSegment + place % 0x400;
  if (kind % 4 == 1) at = FakeMimalloc::kHeap + place % 0x200;
  if (kind % 4 == 2) at = FakeMimalloc::start_of(1) + place % 0xc00;
  if (kind % 4 == 3) at = FakeMimalloc::start_of(2) + uint64_t{place} % 0xff00;
  fake.memory->set(at & ~uint64_t{7}, word_of(fake, kind, raw));
}

void build(FakeMimalloc& fake, const uint8_t* data, size_t size) {
  for (size_t i = 0; i < size && i < 64; ++i) {
    const uint64_t slice = 1 + data[i] / 64 % 2;
    if (data[i] % 4 == 1) fake.give_back(slice, i, 16);
    if (data[i] % 4 == 2) fake.give_back(slice, i, 24);
    if (data[i] % 4 == 3) fake.give_back_from_afar(slice, i);
  }
}

void use(const FakeMimalloc& fake) {
  auto allocators = recognise(fake.input());
  for (const auto& heap : allocators) {
    const Address near[] = {Address(fake.start_of(1) + 0x100), Address(fake.start_of(2) + 0x2300)};
    heap->check(near);
    static_cast<void>(take_census(fake.input(), *heap, 5));
    for (uint64_t at = FakeMimalloc::kSegment - 64; at < fake.start_of(5) + 64; at += 0x1238)
      static_cast<void>(heap->locate(Address(at)));
    INQ_CHECK(heap->damage().size() <= kMaxHeapDamage);
  }
  if (!allocators.empty()) static_cast<void>(find_unreachable(fake.input(), allocators, 5));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > kMaxInput) return 0;
  FakeMimalloc fake((data[0] & 0x80) != 0);
  const size_t patches = std::min<size_t>(data[0] % kMaxPatches, (size - 1) / kPatchSize);
  build(fake, data + 1 + patches * kPatchSize, size - 1 - patches * kPatchSize);
  for (size_t i = 0; i < patches; ++i) patch(fake, data + 1 + i * kPatchSize);
  use(fake);
  return 0;
}
