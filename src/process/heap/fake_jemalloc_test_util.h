// A process with a jemalloc heap that is written by hand, for tests of this room.
#pragma once

#include "process/heap/fake_heap_test_util.h"
#include "process/heap/jemalloc_format.h"

namespace inquest::process {

// The map's root in .bss, one leaf and the records behind it, one stretch of heap, one thread.
struct FakeJemalloc {
  static constexpr uint64_t kData = 0x7f0000000000, kRoot = kData + 0x1058;
  static constexpr uint64_t kBase = 0x7f0008000000, kRecords = 0x40000;  // bytes, behind the leaf
  static constexpr uint64_t kHeap = 0x7f0010000000;
  static constexpr uint64_t kTls = 0x7f0020000000, kTlsSize = 0x4000, kPointer = kTls + 0x3000;
  static constexpr uint64_t kRow = kPointer - 0x1000, kSlots = kTls, kSlotsPerBin = 8;

  const jemalloc::Format format;
  const TreeShape shape;
  const jemalloc::SizeClasses classes;
  const uint64_t heap_size;
  ProcessImage image;
  FakeHeapMemory* memory;
  uint64_t next_page = kHeap, next_record;

  explicit FakeJemalloc(size_t format_index = 0, size_t shape_index = 0, uint32_t lg_quantum = 4)
      : FakeJemalloc(format_index, jemalloc::shapes()[shape_index], lg_quantum) {}
  FakeJemalloc(size_t format_index, const TreeShape& tree, uint32_t lg_quantum)
      : format(jemalloc::formats()[format_index]),
        shape(tree),
        classes(lg_quantum, shape.lg_page),
        heap_size(64 * shape.page()),
        next_record(kBase + tables_bytes() + 0x80) {
    auto owned = std::make_unique<FakeHeapMemory>();
    memory = owned.get();
    image.memory = std::move(owned);
    add(kData, shape.root_bytes() + 0x3000);
    add(kBase, tables_bytes() + kRecords);
    add(kHeap, heap_size, 0x1000);  // what is in the blocks tells jemalloc nothing
    add(kTls, kTlsSize);
    const uint64_t key = kHeap >> shape.root_shift();
    set(kRoot + key * 8, kBase);
    if (shape.levels() == 3) {
      const uint64_t index = kHeap / shape.leaf_span() % (uint64_t{1} << shape.bits[1]);
      set(kBase + index * 8, leaf());
    }
    Thread thread;
    thread.tid = 100;
    thread.registers.set(isa::x86::kFsBase, kPointer);
    image.threads.push_back(std::move(thread));
    for (uint32_t i = 0; i < classes.small_count(); ++i) write_bin(i, 0);
  }

  uint64_t middle_bytes() const { return shape.levels() == 3 ? uint64_t{8} << shape.bits[1] : 0; }
  uint64_t tables_bytes() const { return middle_bytes() + shape.leaf_bytes(); }
  uint64_t leaf() const { return kBase + middle_bytes(); }

  // `dumped`: bytes of it that are in the core.
  void add(uint64_t start, uint64_t size, uint64_t dumped) {
    Mapping mapping;
    mapping.range = {Address(start), Address(start + size)};
    mapping.protection = Protection{true, true, false};
    image.mappings.push_back(mapping);
    memory->put(Address(start), Bytes(dumped));
  }
  void add(uint64_t start, uint64_t size) { add(start, size, size); }
  void set(uint64_t address, uint64_t word) { memory->set(address, word); }
  uint64_t get(uint64_t address) const { return *memory->load<uint64_t>(Address(address)); }

  void map_page(uint64_t page, uint64_t record, uint32_t szind, bool slab) {
    const uint64_t index = page >> shape.lg_page & ((uint64_t{1} << shape.leaf_bits()) - 1);
    const uint64_t element = leaf() + index * shape.element_size;
    if (shape.element_size == 8)
      return set(element, record | uint64_t{szind} << 48 | (slab ? 1 : 0));
    set(element, record);
    set(element + 8, format.element_szind != 0
                         ? uint64_t{szind} << format.element_szind | (slab ? 1 : 0)
                         : szind | (slab ? uint64_t{1} << 32 : 0));
  }

  // An extent of `pages` pages; its record's address. `offset`: of a large block in its first page.
  uint64_t extent(uint64_t pages, uint32_t szind, bool slab, uint32_t state = 0,
                  uint64_t offset = 0) {
    const uint64_t record = next_record, start = next_page;
    next_record += 0x480;  // a record and the longest bitmap, on 128 bytes
    next_page += pages * shape.page();
    set(record,
        uint64_t{slab} << 12 | uint64_t{state} << format.state | uint64_t{szind} << format.szind);
    set(record + 8, start + offset);
    set(record + 16, pages * shape.page());
    for (uint64_t i = 0; i < pages; ++i) {
      if (slab || i == 0 || i + 1 == pages) map_page(start + i * shape.page(), record, szind, slab);
    }
    return record;
  }
  uint64_t start_of(uint64_t record) const { return get(record + 8); }

  // A slab of this size class, all of its blocks free.
  uint64_t slab(uint32_t szind, uint64_t pages = 1) {
    const uint64_t record = extent(pages, szind, true);
    const uint64_t regions = pages * shape.page() / classes.size(szind);
    for (uint64_t i = 0; i < regions; ++i) flip(record, i);
    count(record, static_cast<int64_t>(regions));
    return record;
  }
  // Hands out a block of a slab.
  uint64_t take(uint64_t record, uint64_t region) {
    flip(record, region);
    count(record, -1);
    const auto szind = static_cast<uint32_t>(get(record) >> format.szind & 0xff);
    return start_of(record) + region * classes.size(szind);
  }
  void flip(uint64_t record, uint64_t region) {
    const uint64_t at = record + jemalloc::kBitmapOffset + region / 64 * 8;
    set(at, get(at) ^ uint64_t{1} << region % 64);
  }
  void count(uint64_t record, int64_t more) {
    set(record, get(record) + (static_cast<uint64_t>(more) << format.nfree));
  }

  uint64_t slots_end(uint32_t bin) const { return kSlots + (bin + 1) * kSlotsPerBin * 8; }
  void write_bin(uint32_t bin, uint64_t cached) {
    const uint64_t at = kRow + bin * 24, end = slots_end(bin);
    if (!format.new_caches) {
      set(at, cached << 32);
      set(at + 16, end);
      return;
    }
    const uint64_t low = end & 0xffff, full = (end - kSlotsPerBin * 8) & 0xffff;
    set(at, end - cached * 8);
    set(at + 16, low | full << 16 | low << 32);
  }
  // Puts what free() was given into the thread's cache; at most kSlotsPerBin a bin.
  void to_cache(uint64_t block, uint32_t bin) {
    const uint64_t cached = format.new_caches ? (slots_end(bin) - get(kRow + bin * 24)) / 8
                                              : get(kRow + bin * 24) >> 32;
    write_bin(bin, cached + 1);
    set(slots_end(bin) - (cached + 1) * 8, block);
  }

  HeapInput input() const { return {.image = image, .modules = nullptr, .memory = *memory}; }
  std::unique_ptr<Allocator> heap() const {
    auto found = recognise(input());
    return found.empty() ? nullptr : std::move(found.front());
  }
};

}  // namespace inquest::process
