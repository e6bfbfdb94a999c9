// A process with a mimalloc heap that is written by hand, for tests of this room.
#pragma once

#include <bit>

#include "process/heap/fake_heap_test_util.h"

namespace inquest::process {

// One segment of five slices as of mimalloc 2.2: its header and three pages, the last slice spare.
// The first page holds blocks of 48 bytes, the second of 1 KiB, the third is one block.
struct FakeMimalloc {
  static constexpr uint64_t kSegment = uint64_t{0x20000} << 25, kSlice = 65536, kCount = 5;
  static constexpr uint64_t kThread = 0x7f3000000740, kHeap = 0x7f3000001000, kSlices = 0x130;
  static constexpr uint64_t kCookie = 0x5eed5eed5eed5eed;

  explicit FakeMimalloc(bool with_keys = false) : encoded(with_keys) {
    auto owned = std::make_unique<FakeHeapMemory>();
    memory = owned.get();
    image.memory = std::move(owned);
    add(kSegment, kSlice * kCount);
    add(kHeap & ~uint64_t{0xfff}, 0x3000);
    const uint64_t end = kSegment + kSlices;
    memory->set(end - 8, kThread);
    memory->set(end - 16, kCount);  // slice_entries
    memory->set(end - 32, 1);       // segment_info_slices
    memory->set(end - 40, kCount);  // segment_slices
    memory->set(end - 64, kCookie ^ kSegment);
    memory->set(end - 72, 3);  // used
    memory->set(record(0), 1);
    page(1, 48);
    page(2, 1024);
    page(3, kSlice);
    memory->set(record(4), 1);
    memory->set(kHeap + 16, kThread);
    Thread thread;
    thread.tid = 7;
    thread.registers.set(isa::x86::kFsBase, kThread);
    image.threads.push_back(std::move(thread));
  }

  void add(uint64_t start, uint64_t size) {
    Mapping mapping;
    mapping.range = {Address(start), Address(start + size)};
    mapping.protection = Protection{true, true, false};
    image.mappings.push_back(mapping);
    memory->put(Address(start), Bytes(size));
  }
  uint64_t record_size() const { return encoded ? 112 : 96; }
  uint64_t record(uint64_t slice) const { return kSegment + kSlices + slice * record_size(); }
  uint64_t word(uint64_t at) const { return *memory->load<uint64_t>(Address(at)); }
  static uint64_t start_of(uint64_t slice) { return kSegment + slice * kSlice; }

  void page(uint64_t slice, uint64_t size) {
    const uint64_t at = record(slice), count = kSlice / size;
    const uint64_t capacity = std::min<uint64_t>(count, 64);
    memory->set(at, 1);
    memory->set(at + 8, capacity << 16 | count << 32);
    memory->set(at + 32, capacity);  // used: all were handed out
    memory->set(at + 40, size);
    memory->set(at + 48, start_of(slice));
    if (encoded) {
      memory->set(at + 56, 0x0123456789abcdef + slice);
      memory->set(at + 64, 0x1122334455667788 + slice);
    }
    memory->set(at + (encoded ? 80 : 64), kHeap);
  }
  uint64_t link(uint64_t slice, uint64_t next) const {
    if (!encoded) return next;
    const uint64_t key0 = word(record(slice) + 56), key1 = word(record(slice) + 64);
    const uint64_t value = next == 0 ? record(slice) : next;
    return std::rotl(value ^ key1, static_cast<int>(key0 % 64)) + key0;
  }
  uint64_t block(uint64_t slice, uint64_t index) const {
    return start_of(slice) + index * word(record(slice) + 40);
  }
  // Onto the list whose head stands `head` bytes into the record: 16 free, 24 local_free.
  void give_back(uint64_t slice, uint64_t index, uint64_t head = 24) {
    const uint64_t at = record(slice) + head;
    memory->set(block(slice, index), link(slice, word(at)));
    memory->set(at, block(slice, index));
    memory->set(record(slice) + 32, word(record(slice) + 32) - 1);
  }
  // By another thread: it stays among the used ones.
  void give_back_from_afar(uint64_t slice, uint64_t index) {
    const uint64_t at = record(slice) + (encoded ? 72 : 56);
    memory->set(block(slice, index), link(slice, word(at) & ~uint64_t{3}));
    memory->set(at, block(slice, index) | 2);
  }

  HeapInput input() const { return {.image = image, .modules = nullptr, .memory = *memory}; }
  std::unique_ptr<Allocator> heap() const {
    auto found = recognise(input());
    return found.empty() ? nullptr : std::move(found.front());
  }

  bool encoded;
  ProcessImage image;
  FakeHeapMemory* memory;
};

}  // namespace inquest::process
