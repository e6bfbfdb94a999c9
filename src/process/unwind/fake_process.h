// For the tests, fuzzer and benchmark of this room: a process put together by hand.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "process/unwind/unwind.h"
#include "process/unwind/walker.h"

namespace inquest::process {

// Memory of a few regions; the rest is unmapped, or missing for the reason given.
class FakeMemory final : public MemoryReader {
 public:
  void add(Address start, Bytes bytes) { regions_[start.value] = std::move(bytes); }
  void lose(AddressRange range, Missing why) { lost_.emplace_back(range, why); }
  void put(Address at, uint64_t word) {
    for (auto& [start, bytes] : regions_) {
      if (at.value >= start && at.value - start + 8 <= bytes.size()) {
        std::memcpy(bytes.data() + (at.value - start), &word, 8);
      }
    }
  }

  ByteView view(Address address, uint64_t max) const override {
    auto after = regions_.upper_bound(address.value);
    if (after == regions_.begin()) return {};
    const auto& [start, bytes] = *std::prev(after);
    const uint64_t offset = address.value - start;
    if (offset >= bytes.size()) return {};
    return ByteView(bytes).subspan(offset, std::min<uint64_t>(max, bytes.size() - offset));
  }
  Missing why_missing(Address address) const override {
    if (!view(address, 1).empty()) return Missing::kNone;
    for (const auto& [range, why] : lost_) {
      if (range.contains(address)) return why;
    }
    return Missing::kUnmapped;
  }

 private:
  std::map<uint64_t, Bytes> regions_;
  std::vector<std::pair<AddressRange, Missing>> lost_;
};

// Functions with one row each.
class FakeCfi final : public CfiSource {
 public:
  void add(Address start, uint64_t size, dwarf::CfiRow row) {
    row.start = row.function_start = start.value;
    row.end = row.function_end = start.value + size;
    rows_[start.value] = std::move(row);
  }
  std::optional<dwarf::CfiRow> row_at(Address pc, uint64_t* bias) override {
    *bias = 0;
    const auto* row = find(pc);
    return row == nullptr ? std::nullopt : std::optional(*row);
  }
  std::optional<AddressRange> function_at(Address pc) override {
    const auto* row = find(pc);
    if (row == nullptr) return std::nullopt;
    return AddressRange{Address(row->function_start), Address(row->function_end)};
  }
  bool is_entry_code(Address) override { return false; }

 private:
  const dwarf::CfiRow* find(Address pc) const {
    auto after = rows_.upper_bound(pc.value);
    if (after == rows_.begin()) return nullptr;
    const dwarf::CfiRow& row = std::prev(after)->second;
    return pc.value < row.end ? &row : nullptr;
  }
  std::map<uint64_t, dwarf::CfiRow> rows_;
};

inline constexpr Address kText{0x400000}, kStackStart{0x7ffd00000000};
inline constexpr uint64_t kTextSize = 0x10000;

// One text mapping full of nops, one stack. Code is added function by function.
class FakeProcess {
 public:
  explicit FakeProcess(isa::Arch arch, uint64_t stack_size = 0x10000)
      : registers(arch), stack_size_(stack_size) {
    image.arch = arch;
    image.mappings = {
        {.range = {kText, kText + kTextSize}, .protection = Protection{true, false, true}},
        {.range = {kStackStart, kStackStart + stack_size},
         .protection = Protection{true, true, false}}};
    text_.assign(kTextSize, 0x90);
    memory.add(kStackStart, Bytes(stack_size, 0));
    flush();
  }

  void code(Address at, const Bytes& bytes) {
    std::copy(bytes.begin(), bytes.end(), text_.begin() + static_cast<ptrdiff_t>(at - kText));
    flush();
  }
  // Puts a call at `at`; answers the return address.
  Address call(Address at, Address target) {
    Bytes bytes;
    if (image.arch == isa::Arch::kX86_64) {
      const auto distance = static_cast<uint32_t>(target - (at + 5));
      bytes = {0xe8, 0, 0, 0, 0};
      std::memcpy(bytes.data() + 1, &distance, 4);
    } else {
      const uint32_t word = 0x94000000 | (static_cast<uint32_t>((target - at) >> 2) & 0x3ffffff);
      bytes.resize(4);
      std::memcpy(bytes.data(), &word, 4);
    }
    code(at, bytes);
    return at + bytes.size();
  }
  Address indirect_call(Address at) {
    const bool x86 = image.arch == isa::Arch::kX86_64;
    const Bytes bytes =
        x86 ? Bytes{0xff, 0xd0} : Bytes{0x00, 0x00, 0x3f, 0xd6};  // call *%rax · blr x0
    code(at, bytes);
    return at + bytes.size();
  }
  // A function whose CFA is sp + `frame` everywhere, its return address right below the CFA.
  void function(Address start, uint64_t size, int64_t frame) {
    dwarf::CfiRow row;
    const bool x86 = image.arch == isa::Arch::kX86_64;
    row.return_register = x86 ? 16 : 30;
    row.cfa = {.kind = dwarf::CfaRule::Kind::kRegister,
               .reg = isa::sp_register(image.arch),
               .offset = frame};
    row.rules = {
        {.kind = dwarf::RegisterRule::Kind::kAtCfa, .reg = row.return_register, .offset = -8}};
    cfi.add(start, size, row);
  }
  // The outermost function.
  void outermost(Address start, uint64_t size) {
    dwarf::CfiRow row;
    row.return_register = image.arch == isa::Arch::kX86_64 ? 16 : 30;
    row.cfa = {
        .kind = dwarf::CfaRule::Kind::kRegister, .reg = isa::sp_register(image.arch), .offset = 8};
    row.rules = {{.kind = dwarf::RegisterRule::Kind::kUndefined, .reg = row.return_register}};
    cfi.add(start, size, row);
  }

  Stack walk(const UnwindOptions& options = {}) {
    CodeSites sites(image, memory, cfi);
    StackWords words(memory);
    return walk_stack(registers, sites, words, options);
  }
  Address stack_end() const { return kStackStart + stack_size_; }

  ProcessImage image;
  FakeMemory memory;
  FakeCfi cfi;
  isa::RegisterFile registers;

 private:
  void flush() { memory.add(kText, text_); }
  Bytes text_;
  uint64_t stack_size_;
};

}  // namespace inquest::process
