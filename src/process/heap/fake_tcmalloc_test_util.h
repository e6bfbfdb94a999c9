// A process with a heap of gperftools' tcmalloc that is written by hand, for tests of this room.
#pragma once

#include "process/heap/fake_heap_test_util.h"
#include "process/heap/tcmalloc_caches.h"

namespace inquest::process {

// Pages of 256 KiB: the smallest tables. Central lists and the map's root in .bss, a leaf, spans
// and a thread's cache behind each other, one stretch of heap, one thread.
struct FakeTcmalloc {
  static constexpr uint64_t kPage = uint64_t{1} << 18, kLeafBytes = uint64_t{8} << 15;
  static constexpr uint64_t kData = 0x7f0000000000, kCentral = kData + 0x100;
  static constexpr uint64_t kCentralBytes = 1216, kClasses = 40;
  static constexpr uint64_t kRoot = kData + 0x28000,
                            kDataSize = 0x28000 + (uint64_t{8} << 15) + 0x1000;
  static constexpr uint64_t kBase = 0x7f0008000000, kSpans = kBase + kLeafBytes;
  static constexpr uint64_t kCache = kSpans + 0x4000, kBaseSize = kLeafBytes + 0x8000;
  static constexpr uint64_t kHeap = 0x7f0010000000, kHeapSize = 32 * kPage;
  static constexpr uint64_t kTls = 0x7f0030000000, kTlsSize = 0x1000, kPointer = kTls + 0x800;

  ProcessImage image;
  FakeHeapMemory* memory;
  uint64_t next_span = kSpans, next_page = kHeap;

  FakeTcmalloc() {
    auto owned = std::make_unique<FakeHeapMemory>();
    memory = owned.get();
    image.memory = std::move(owned);
    add(kData, kDataSize);
    add(kBase, kBaseSize);
    add(kHeap, kHeapSize);
    add(kTls, kTlsSize);
    set(kRoot + (kHeap >> 33) * 8, kBase);
    for (uint64_t i = 0; i < kClasses; ++i) {
      set(kCentral + i * kCentralBytes + 8, i);
      set(kCache + i * 32 + 24, size_of(i));
    }
    Thread thread;
    thread.tid = 100;
    thread.registers.set(isa::x86::kFsBase, kPointer);
    image.threads.push_back(std::move(thread));
    set(kPointer - 0x40, kCache);
  }
  static uint64_t size_of(uint64_t size_class) {
    return size_class < 2 ? size_class * 8 : (size_class - 1) * 16;
  }

  void add(uint64_t start, uint64_t size) {
    Mapping mapping;
    mapping.range = {Address(start), Address(start + size)};
    mapping.protection = Protection{true, true, false};
    image.mappings.push_back(mapping);
    memory->put(Address(start), Bytes(size));
  }
  void set(uint64_t address, uint64_t word) { memory->set(address, word); }
  uint64_t get(uint64_t address) const { return *memory->load<uint64_t>(Address(address)); }

  // A span of `pages` pages, of which `size_class` makes `count` used objects; its record's
  // address.
  uint64_t span(uint64_t pages, uint64_t size_class, uint64_t location = 0) {
    const uint64_t record = next_span, start = next_page;
    next_span += 48;
    next_page += pages * kPage;
    const uint64_t used = size_class != 0 ? pages * kPage / size_of(size_class) & 0xffff : 0;
    set(record, start / kPage);
    set(record + 8, pages);
    set(record + 40, used | size_class << 16 | location << 24);
    for (uint64_t i = 0; i < pages; ++i) {
      if (size_class != 0 || i == 0 || i + 1 == pages)
        set(kBase + ((start / kPage + i) & 0x7fff) * 8, record);
    }
    return record;
  }
  uint64_t start_of(uint64_t record) const { return get(record) * kPage; }
  uint64_t object(uint64_t record, uint64_t index) const {
    return start_of(record) + index * size_of(get(record + 40) >> 16 & 0xff);
  }
  // Puts an object into its span's list, the thread's cache, a slot of the central cache.
  void to_span(uint64_t record, uint64_t index) {
    const uint64_t at = object(record, index);
    set(at, get(record + 32));
    set(record + 32, at);
    set(record + 40, get(record + 40) - 1);
  }
  void to_thread(uint64_t at, uint64_t size_class) {
    const uint64_t list = kCache + size_class * 32;
    set(at, get(list));
    set(list, at);
    set(list + 8, get(list + 8) + 1);
  }
  void to_central(uint64_t at, uint64_t size_class) {
    const uint64_t list = kCentral + size_class * kCentralBytes, used = get(list + 1152);
    set(at, 0);
    set(list + 128 + used % 64 * 16, at);
    set(list + 1152, used + 1);
  }

  HeapInput input() const { return {.image = image, .modules = nullptr, .memory = *memory}; }
  std::unique_ptr<Allocator> heap() const {
    auto found = recognise(input());
    return found.empty() ? nullptr : std::move(found.front());
  }
};

}  // namespace inquest::process
