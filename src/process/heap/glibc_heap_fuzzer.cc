// Hostile heap pages: a sound arena whose memory is overwritten with the input. The first bytes are
// patches of words (where, what); the rest fills the heap from its start.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "process/heap/census.h"
#include "process/heap/fake_heap_test_util.h"
#include "process/heap/reachability.h"

namespace {

using namespace inquest;
using namespace inquest::process;

constexpr size_t kPatchSize =
    11;  // a byte for the area, two for the place in it, eight for the word
constexpr size_t kMaxPatches = 32;

// A word that is near a sound one: fuzzers seldom guess addresses.
uint64_t word_of(const FakeGlibc& fake, uint8_t kind, uint64_t raw) {
  switch (kind >> 4 & 7) {
    case 0:
      return raw;
    case 1:
      return FakeGlibc::kHeap + raw % FakeGlibc::kHeapSize;
    case 2:
      return FakeGlibc::kState + raw % 0x900;
    case 3:
      return raw % 0x1000;
    case 4:
      return (FakeGlibc::kHeap + raw % FakeGlibc::kHeapSize) ^ (FakeGlibc::kHeap >> 12);
    case 5:
      return fake.top + raw % 64;
    default:
      return raw & 0xffffff;
  }
}

void patch(FakeGlibc& fake, const uint8_t* bytes) {
  const uint8_t kind = bytes[0];
  uint16_t place = 0;
  uint64_t raw = 0;
  std::memcpy(&place, bytes + 1, 2);
  std::memcpy(&raw, bytes + 3, 8);
  const uint64_t offset = uint64_t{place} * 8;
  uint64_t at = FakeGlibc::kHeap + offset % (FakeGlibc::kHeapSize - 8);
  if (kind % 4 == 1) at = FakeGlibc::kState - 0x60 + offset % 0x900;
  if (kind % 4 == 2) at = FakeGlibc::kTls + offset % (FakeGlibc::kTlsSize - 8);
  if (kind % 4 == 3) at = FakeGlibc::kTcache + offset % 0x280;
  fake.set(at & ~uint64_t{7}, word_of(fake, kind, raw));
}

void build(FakeGlibc& fake, const uint8_t* data, size_t size) {
  const size_t chunks = std::min<size_t>(size, 40);
  std::vector<uint64_t> blocks;
  for (size_t i = 0; i < chunks; ++i) blocks.push_back(fake.take(0x20 + data[i] / 8 * 0x10));
  for (size_t i = 0; i < chunks; ++i) {
    if (data[i] % 8 == 1) fake.to_tcache(blocks[i]);
    if (data[i] % 8 == 2 && fake.size_of(blocks[i]) <= 0xb0) fake.to_fastbin(blocks[i]);
    if (data[i] % 8 == 3) fake.to_bin(blocks[i], data[i] / 8);
  }
}

void use(const FakeGlibc& fake) {
  auto allocators = recognise(fake.input());
  for (const auto& heap : allocators) {
    const Address near[] = {Address(FakeGlibc::kHeap + 0x400), Address(fake.top)};
    heap->check(near);
    static_cast<void>(take_census(fake.input(), *heap, 5));
    for (uint64_t at = FakeGlibc::kHeap; at < FakeGlibc::kHeap + 0x3000; at += 0x88) {
      const auto found = heap->locate(Address(at));
      INQ_CHECK(!found || found->block.state == BlockState::kUnknown ||
                (found->block.start - 16 <= Address(at)));
    }
    INQ_CHECK(heap->damage().size() <= kMaxHeapDamage);
  }
  if (!allocators.empty()) static_cast<void>(find_unreachable(fake.input(), allocators, 5));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMaxInput = 16 * 1024;
  if (size < 2 || size > kMaxInput) return 0;
  FakeGlibc fake;
  const size_t patches = std::min<size_t>(data[0] % kMaxPatches, (size - 1) / kPatchSize);
  const uint8_t* rest = data + 1 + patches * kPatchSize;
  build(fake, rest, size - 1 - patches * kPatchSize);
  for (size_t i = 0; i < patches; ++i) patch(fake, data + 1 + i * kPatchSize);
  use(fake);
  return 0;
}
