// A process with a glibc heap that is written by hand, for tests of this room.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "process/heap/heap.h"

namespace inquest::process {

class FakeHeapMemory final : public MemoryReader {
 public:
  ByteView view(Address address, uint64_t max) const override {
    for (const auto& [start, bytes] : pieces_) {
      if (address < start || address - start >= bytes.size()) continue;
      const ByteView rest = ByteView(bytes).subspan(address - start);
      return rest.first(std::min<uint64_t>(max, rest.size()));
    }
    return {};
  }
  Missing why_missing(Address address) const override {
    return view(address, 1).empty() ? Missing::kUnmapped : Missing::kNone;
  }
  void put(Address start, Bytes bytes) { pieces_.emplace_back(start, std::move(bytes)); }
  void set(uint64_t address, uint64_t word) {
    for (auto& [start, bytes] : pieces_) {
      if (address < start.value || address - start.value + 8 > bytes.size()) continue;
      std::memcpy(bytes.data() + (address - start.value), &word, 8);
      return;
    }
    INQ_CHECK(false);
  }

 private:
  std::vector<std::pair<Address, Bytes>> pieces_;
};

// malloc_state as of glibc 2.36 at kState, brk memory at kHeap whose first chunk is the tcache of
// thread 100. take() cuts chunks off the top.
struct FakeGlibc {
  static constexpr uint64_t kState = 0x7f0000001c60, kData = 0x7f0000000000, kDataSize = 0x4000;
  static constexpr uint64_t kHeap = 0x555500100000, kHeapSize = 0x21000;
  static constexpr uint64_t kTls = 0x7f0000010000, kTlsSize = 0x1000, kPointer = kTls + 0x800;
  static constexpr uint64_t kBins = kState + 0x70, kTcache = kHeap + 0x10;

  ProcessImage image;
  FakeHeapMemory* memory;
  uint64_t top = kHeap;

  FakeGlibc() {
    auto owned = std::make_unique<FakeHeapMemory>();
    memory = owned.get();
    image.memory = std::move(owned);
    add(kHeap, kHeapSize);
    add(kData, kDataSize);
    add(kTls, kTlsSize);
    for (uint64_t i = 0; i < 127; ++i) {
      set(kBins + 16 * i, kBins + 16 * i - 16);
      set(kBins + 16 * i + 8, kBins + 16 * i - 16);
    }
    set(kState + 0x870, kState);     // next
    set(kState + 0x888, kHeapSize);  // system_mem
    take(0x290);
    Thread thread;
    thread.tid = 100;
    thread.registers.set(isa::x86::kFsBase, kPointer);
    image.threads.push_back(std::move(thread));
    set(kPointer - 0x48, kTcache);
  }

  void add(uint64_t start, uint64_t size) {
    Mapping mapping;
    mapping.range = {Address(start), Address(start + size)};
    mapping.protection = Protection{true, true, false};
    const auto after =
        std::upper_bound(image.mappings.begin(), image.mappings.end(), mapping.range.start,
                         [](Address a, const Mapping& m) { return a < m.range.start; });
    image.mappings.insert(after, mapping);
    memory->put(Address(start), Bytes(size));
  }
  void set(uint64_t address, uint64_t word) { memory->set(address, word); }

  // A chunk of `size` bytes (header included) at the top; the address that malloc() returns.
  uint64_t take(uint64_t size) {
    const uint64_t chunk = top;
    set(chunk + 8, size | 1);
    top += size;
    set(top + 8, (kHeap + kHeapSize - top) | 1);
    set(kBins - 16, top);
    return chunk + 16;
  }
  // Puts a block at the head of the thread's tcache bin.
  void to_tcache(uint64_t block, uint64_t key = 0x1122334455667788) {
    const uint64_t size = size_of(block), bin = (size - 0x20) / 16;
    const uint64_t counter = kTcache + bin * 2, entry = kTcache + 128 + bin * 8;
    const uint64_t word = *memory->load<uint64_t>(Address(counter & ~uint64_t{7}));
    set(counter & ~uint64_t{7}, word + (uint64_t{1} << (counter % 8 * 8)));
    set(block, *memory->load<uint64_t>(Address(entry)) ^ (block >> 12));
    set(block + 8, key);
    set(entry, block);
  }
  void to_fastbin(uint64_t block) {
    const uint64_t entry = kBins - 0x60 + (size_of(block) - 0x20) / 16 * 8;
    set(block, *memory->load<uint64_t>(Address(entry)) ^ (block >> 12));
    set(entry, block - 16);
  }
  // Links it alone into a bin and tells the chunk behind it.
  void to_bin(uint64_t block, uint64_t bin) {
    const uint64_t size = size_of(block), head = kBins + 16 * bin - 16, chunk = block - 16;
    set(head + 16, chunk);
    set(head + 24, chunk);
    set(block, head);
    set(block + 8, head);
    set(chunk + size, size);
    set(chunk + size + 8, *memory->load<uint64_t>(Address(chunk + size + 8)) & ~uint64_t{1});
  }
  uint64_t size_of(uint64_t block) const {
    return *memory->load<uint64_t>(Address(block - 8)) & ~uint64_t{7};
  }

  HeapInput input() const { return {.image = image, .modules = nullptr, .memory = *memory}; }
  std::unique_ptr<Allocator> heap() const {
    auto found = recognise(input());
    return found.empty() ? nullptr : std::move(found.front());
  }
};

}  // namespace inquest::process
