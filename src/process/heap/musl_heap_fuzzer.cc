// Hostile mallocng heaps: sound groups, then words and bytes written over the context, the records
// and the slots. The first byte counts the patches; what follows them says which blocks are taken
// and freed.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "process/heap/census.h"
#include "process/heap/fake_musl_test_util.h"
#include "process/heap/reachability.h"

namespace {

using namespace inquest;
using namespace inquest::process;

constexpr size_t kPatchSize = 11;  // a byte for the area and the kind, two for the place, eight
constexpr size_t kMaxPatches = 32, kMaxInput = 16 * 1024;

uint64_t word_of(uint8_t kind, uint64_t raw) {
  switch (kind >> 4 & 3) {
    case 0:
      return raw;
    case 1:
      return FakeMusl::kGroups + raw % 0x10000 / 16 * 16;
    case 2:
      return FakeMusl::kFirstMeta + raw % 101 * FakeMusl::kMeta;
    default:
      return raw & 0xffff;
  }
}

void patch(FakeMusl& fake, const uint8_t* bytes) {
  const uint8_t kind = bytes[0];
  uint16_t place = 0;
  uint64_t raw = 0;
  std::memcpy(&place, bytes + 1, 2);
  std::memcpy(&raw, bytes + 3, 8);
  uint64_t at = FakeMusl::kGroups + uint64_t{place} % 0x4000;
  if (kind % 4 == 1) at = FakeMusl::kContext + place % 0x3c0;
  if (kind % 4 == 2) at = FakeMusl::kArea + place % 0xff8;
  if (!fake.memory->load<uint64_t>(Address(at & ~uint64_t{7}))) return;
  if (kind % 4 == 3) {
    fake.set_byte(at, static_cast<uint8_t>(raw));
  } else {
    fake.memory->set(at & ~uint64_t{7}, word_of(kind, raw));
  }
}

void build(FakeMusl& fake, const uint8_t* data, size_t size) {
  const uint64_t small = fake.group(30, 2), outer = fake.group(4, 23), large = fake.group(1, 40);
  const uint64_t inner = fake.take(outer, 1, 16 + 30 * 16 - 4);
  fake.set_byte(inner - 3, 1 | 6 << 5);
  fake.record(inner, 30, 0, 0);
  for (size_t i = 0; i < size && i < 30; ++i) {
    const uint64_t block = fake.take(small, static_cast<uint32_t>(i), data[i] % 45);
    if (data[i] % 3 == 0) fake.give_back(block, small, static_cast<uint32_t>(i));
  }
  static_cast<void>(fake.take(inner + 16, 3, 7));
  static_cast<void>(fake.take(large, 0, 30000, size % 32));
}

void use(const FakeMusl& fake) {
  auto allocators = recognise(fake.input());
  for (const auto& heap : allocators) {
    const Address near[] = {Address(FakeMusl::kGroups + 0x100),
                            Address(FakeMusl::kGroups + 0x2300)};
    heap->check(near);
    static_cast<void>(take_census(fake.input(), *heap, 5));
    for (uint64_t at = FakeMusl::kGroups; at < FakeMusl::kGroups + 0x6000; at += 0x58) {
      static_cast<void>(heap->locate(Address(at)));
      static_cast<void>(heap->record_of(Address(at & ~uint64_t{15})));
    }
    INQ_CHECK(heap->damage().size() <= kMaxHeapDamage);
  }
  if (!allocators.empty()) static_cast<void>(find_unreachable(fake.input(), allocators, 5));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > kMaxInput) return 0;
  FakeMusl fake;
  const size_t patches = std::min<size_t>(data[0] % kMaxPatches, (size - 1) / kPatchSize);
  build(fake, data + 1 + patches * kPatchSize, size - 1 - patches * kPatchSize);
  for (size_t i = 0; i < patches; ++i) patch(fake, data + 1 + i * kPatchSize);
  use(fake);
  return 0;
}
