// A process with a mallocng heap that is written by hand, for tests of this room.
#pragma once

#include <cstring>

#include "process/heap/fake_heap_test_util.h"
#include "process/heap/musl_context.h"

namespace inquest::process {

// A context as of musl 1.2.3 in kData, one area of records, groups that are mapped one by one.
struct FakeMusl {
  static constexpr uint64_t kData = 0x7f2000000000, kContext = kData + 0x180,
                            kArea = 0x7f2000100000;
  static constexpr uint64_t kGroups = 0x7f2000200000, kSecret = 0x8badf00ddeadbeef;
  static constexpr uint64_t kFirstMeta = kArea + 24, kMeta = 40;

  ProcessImage image;
  FakeHeapMemory* memory;
  uint64_t metas = 0, next_group = kGroups;

  FakeMusl() {
    auto owned = std::make_unique<FakeHeapMemory>();
    memory = owned.get();
    image.memory = std::move(owned);
    add(kData, 0x1000);
    add(kArea, 0x1000);
    memory->set(kContext, kSecret);
    memory->set(kContext + 8, 1);  // init_done
    memory->set(kContext + 56, kArea);
    memory->set(kContext + 64, kArea);
    memory->set(kArea, kSecret);
    memory->set(kArea + 16, 101);
  }

  void add(uint64_t start, uint64_t size) {
    Mapping mapping;
    mapping.range = {Address(start), Address(start + size)};
    mapping.protection = Protection{true, true, false};
    image.mappings.push_back(mapping);
    memory->put(Address(start), Bytes(size));
  }
  uint8_t byte(uint64_t at) const { return *memory->load<uint8_t>(Address(at)); }
  void set_byte(uint64_t at, uint8_t value) {
    const uint64_t aligned = at & ~uint64_t{7}, shift = at % 8 * 8;
    const uint64_t word = *memory->load<uint64_t>(Address(aligned));
    memory->set(aligned, (word & ~(uint64_t{0xff} << shift)) | uint64_t{value} << shift);
  }
  void set_half(uint64_t at, uint16_t value) {
    set_byte(at, static_cast<uint8_t>(value));
    set_byte(at + 1, static_cast<uint8_t>(value >> 8));
  }

  uint64_t record(uint64_t group_address, uint32_t slots, uint32_t sizeclass, uint64_t pages) {
    const uint64_t meta = kFirstMeta + kMeta * metas++;
    memory->set(meta + 16, group_address);
    memory->set(meta + 32, (slots - 1) | 1U << 5 | uint64_t{sizeclass} << 6 | pages << 12);
    memory->set(group_address, meta);
    memory->set(group_address + 8, slots - 1);  // all of them are active
    return meta;
  }
  // A mapped group; the address of its first slot.
  uint64_t group(uint32_t slots, uint32_t sizeclass) {
    const uint64_t stride = musl::slot_units()[sizeclass] * 16;
    const uint64_t pages = (16 + stride * slots + 0xfff) / 0x1000;
    const uint64_t at = next_group;
    next_group += (pages + 1) * 0x1000;
    add(at, pages * 0x1000);
    record(at, slots, sizeclass, pages);
    memory->set(kFirstMeta + kMeta * (metas - 1) + 24, (uint64_t{1} << slots) - 1);  // avail_mask
    return at + 16;
  }
  uint64_t stride_of(uint64_t meta) const {
    return musl::slot_units()[*memory->load<uint64_t>(Address(meta + 32)) >> 6 & 63] * 16;
  }
  // What malloc(size) does with slot `index` of the group whose first slot is `slots`.
  uint64_t take(uint64_t slots, uint32_t index, uint64_t size, uint64_t offset = 0) {
    const uint64_t meta = *memory->load<uint64_t>(Address(slots - 16)), stride = stride_of(meta);
    const uint64_t masks = *memory->load<uint64_t>(Address(meta + 24)), bit = uint64_t{1} << index;
    memory->set(meta + 24, masks & ~(bit | bit << 32));
    uint64_t block = slots + stride * index;
    const uint64_t end = block + stride - 4;
    if (offset != 0) {
      set_half(block - 2, static_cast<uint16_t>(offset));
      set_byte(block - 3, 0xe0);
      block += 16 * offset;
      set_byte(block - 4, 0);
    }
    set_half(block - 2, static_cast<uint16_t>((block - slots) / 16));
    const uint64_t spare = end - block - size;
    set_byte(block - 3, static_cast<uint8_t>(index | (spare < 5 ? spare : 5) << 5));
    if (spare != 0) set_byte(end - spare, 0);
    if (spare >= 5) {
      for (int i = 0; i < 4; ++i) set_byte(end - 4 + i, static_cast<uint8_t>(spare >> 8 * i));
      set_byte(end - 5, 0);
    }
    return block;
  }
  void give_back(uint64_t block, uint64_t slots, uint32_t index) {
    const uint64_t meta = *memory->load<uint64_t>(Address(slots - 16));
    set_byte(block - 3, 0xff);
    set_half(block - 2, 0);
    memory->set(meta + 24,
                *memory->load<uint64_t>(Address(meta + 24)) | uint64_t{1} << (32 + index));
  }

  HeapInput input() const { return {.image = image, .modules = nullptr, .memory = *memory}; }
  std::unique_ptr<Allocator> heap() const {
    auto found = recognise(input());
    return found.empty() ? nullptr : std::move(found.front());
  }
};

}  // namespace inquest::process
