// A process made of a few pieces of memory, for tests of this room.
#pragma once

#include <map>
#include <memory>
#include <string_view>

#include "process/image/process_image.h"

namespace inquest::diagnosis {

class FakeMemory : public process::MemoryReader {
 public:
  ByteView view(Address address, uint64_t max) const override {
    auto after = pieces_.upper_bound(address);
    if (after == pieces_.begin()) return {};
    const auto& [start, bytes] = *std::prev(after);
    if (address - start >= bytes.size()) return {};
    const ByteView rest = ByteView(bytes).subspan(address - start);
    return rest.first(std::min<uint64_t>(max, rest.size()));
  }
  process::Missing why_missing(Address address) const override {
    return view(address, 1).empty() ? process::Missing::kUnmapped : process::Missing::kNone;
  }

  void put(Address address, Bytes bytes) { pieces_[address] = std::move(bytes); }
  // Inside a piece that is there.
  template <typename T>
  void set(Address address, const T& value) {
    auto& [start, bytes] = *std::prev(pieces_.upper_bound(address));
    INQ_CHECK(address - start + sizeof(T) <= bytes.size());
    std::memcpy(bytes.data() + (address - start), &value, sizeof(T));
  }
  void set_text(Address address, std::string_view text) {
    for (size_t i = 0; i < text.size(); ++i) set(address + i, text[i]);
    set(address + text.size(), char{0});
  }

 private:
  std::map<Address, Bytes> pieces_;
};

// A process with a main stack at 0x7ffd00000000, a heap at 0x555500100000 and a thread's stack at
// 0x7f0000010000 that has a guard page below. Its program has no file.
struct FakeProcess {
  process::ProcessImage image;
  FakeMemory* memory;

  static constexpr uint64_t kHeap = 0x555500100000, kHeapSize = 0x21000;
  static constexpr uint64_t kStack = 0x7ffd00000000, kStackSize = 0x21000;
  static constexpr uint64_t kThreadStack = 0x7f0000010000, kThreadStackSize = 0x10000;
  static constexpr uint64_t kConstants = 0x7f1000000000;  // a read-only file mapping

  FakeProcess() {
    auto owned = std::make_unique<FakeMemory>();
    memory = owned.get();
    image.memory = std::move(owned);
    image.pid = 100;
    add(kHeap, kHeapSize, {true, true, false}, "[heap]");
    add(kThreadStack - 0x1000, 0x1000, {false, false, false}, "");
    add(kThreadStack, kThreadStackSize, {true, true, false}, "");
    add(kConstants, 0x1000, {true, false, false}, "/data/table.bin");
    add(kStack, kStackSize, {true, true, false}, "");
    image.auxv[25] = kStack + kStackSize - 0x100;  // AT_RANDOM
    add_thread(100, kStack + 0x20000);
    add_thread(101, kThreadStack + 0x8000);
  }

  void add(uint64_t start, uint64_t size, process::Protection protection, std::string path) {
    process::Mapping mapping;
    mapping.range = {Address(start), Address(start + size)};
    mapping.protection = protection;
    mapping.path = std::move(path);
    image.mappings.push_back(std::move(mapping));
  }
  void add_thread(int32_t tid, uint64_t sp) {
    process::Thread thread;
    thread.tid = tid;
    thread.registers.set_sp(Address(sp));
    image.threads.push_back(std::move(thread));
  }
};

}  // namespace inquest::diagnosis
