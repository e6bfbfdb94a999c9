#include "process/unwind/code_sites.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "binary/isa/decode.h"

namespace inquest::process {
namespace {

constexpr size_t kRecentSlots = 1024;  // a power of two
constexpr size_t kMaxSites = 1 << 16;  // some 20 MB

// What the kernel lets handlers return to. x86-64, the C library's: mov $0xf,%rax; syscall
// (rt_sigreturn).
constexpr std::array<uint8_t, 9> kX86Trampoline = {0x48, 0xc7, 0xc0, 0x0f, 0x00,
                                                   0x00, 0x00, 0x0f, 0x05};
// The same by `mov $0xf,%eax`, as freestanding runtimes have it.
constexpr std::array<uint8_t, 7> kX86ShortTrampoline = {0xb8, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};
// AArch64, in the vdso: mov x8, #139; svc #0.
constexpr std::array<uint8_t, 8> kA64Trampoline = {0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4};

// Linux gives AArch64 processes 48 bits of address unless they ask for more.
constexpr uint64_t kA64AddressMask = (uint64_t{1} << 48) - 1;

template <size_t size>
bool begins_with(ByteView bytes, const std::array<uint8_t, size>& start) {
  return bytes.size() >= size && std::equal(start.begin(), start.end(), bytes.begin());
}

uint64_t callee_saved_registers(isa::Arch arch) {
  uint64_t mask = 0;
  for (isa::RegisterId id = 0; id < isa::kRegisterCount; ++id) {
    if (isa::is_callee_saved(arch, id)) mask |= uint64_t{1} << id;
  }
  // Not for a function to change: the thread's own.
  for (const isa::RegisterId id : {isa::x86::kFsBase, isa::x86::kGsBase}) {
    if (arch == isa::Arch::kX86_64) mask |= uint64_t{1} << id;
  }
  if (arch == isa::Arch::kAArch64) mask |= uint64_t{1} << isa::a64::kTpidr;
  return mask;
}

}  // namespace

CodeSites::CodeSites(const ProcessImage& image, const MemoryReader& memory, CfiSource& cfi)
    : image_(image),
      memory_(memory),
      cfi_(cfi),
      callee_saved_(callee_saved_registers(image.arch)),
      recent_(kRecentSlots) {}

const CodeSite& CodeSites::at(Address pc, bool is_return_address) {
  const uint64_t mixed = (pc.value ^ (pc.value >> 12)) * 2 + is_return_address;
  Slot& slot = recent_[mixed & (kRecentSlots - 1)];
  const uint64_t key = pc.value << 1 | uint64_t{is_return_address};
  if (slot.site != nullptr && slot.key == key) return *slot.site;
  auto& place = sites_[is_return_address ? 1 : 0][pc.value];
  if (place == nullptr) place = std::make_unique<CodeSite>(look(pc, is_return_address));
  slot = {key, place.get()};
  return *place;
}

void CodeSites::forget_old() {
  if (sites_[0].size() + sites_[1].size() < kMaxSites) return;
  std::fill(recent_.begin(), recent_.end(), Slot{});
  for (auto& sites : sites_) sites.clear();
}

CodeSite CodeSites::look(Address pc, bool is_return_address) {
  CodeSite site;
  site.executable = is_executable(pc);
  if (!site.executable) return site;
  site.is_trampoline = is_trampoline(pc);
  if (is_return_address) site.call = call_before(pc);
  const Address lookup = is_return_address && !site.is_trampoline ? pc - 1 : pc;
  auto row = cfi_.row_at(lookup, &site.bias);
  if (!row) return site;
  site.has_row = true;
  site.row = std::move(*row);
  site.kept = callee_saved_;
  for (const dwarf::RegisterRule& rule : site.row.rules) {
    const uint64_t bit = uint64_t{1} << rule.reg;
    if (rule.kind == dwarf::RegisterRule::Kind::kSameValue) {
      site.kept |= bit;
    } else {
      site.kept &= ~bit;
    }
  }
  return site;
}

bool CodeSites::is_executable(Address address) {
  if (last_mapping_ == nullptr || !last_mapping_->range.contains(address)) {
    const Mapping* mapping = image_.mapping_at(address);
    if (mapping == nullptr) return false;
    last_mapping_ = mapping;
  }
  return !last_mapping_->protection || last_mapping_->protection->execute;
}

bool CodeSites::is_trampoline(Address pc) {
  std::array<uint8_t, kX86Trampoline.size()> bytes{};
  const ByteView code(bytes.data(), memory_.read(pc, bytes).size);
  if (image_.arch == isa::Arch::kAArch64) return begins_with(code, kA64Trampoline);
  return begins_with(code, kX86Trampoline) || begins_with(code, kX86ShortTrampoline);
}

bool CodeSites::is_entry_code(Address pc) {
  const auto entry = image_.auxv.find(AT_ENTRY);
  if (entry != image_.auxv.end() && entry->second != 0 && pc.value - entry->second < kEntryCodeSize)
    return true;
  return cfi_.is_entry_code(pc);
}

CallBefore CodeSites::call_before(Address return_address) {
  return image_.arch == isa::Arch::kX86_64 ? x86_call_before(return_address)
                                           : a64_call_before(return_address);
}

CallBefore CodeSites::x86_call_before(Address return_address) {
  // A call is 2 to 9 bytes long. Less than that may lie before the start of the mapping.
  std::array<uint8_t, 9> bytes{};
  size_t have = bytes.size();
  while (have >= 2) {
    const Address from = return_address - have;
    if (from < return_address && memory_.read(from, std::span(bytes).first(have)).size == have)
      break;
    --have;
  }
  if (have < 2) return {};
  const ByteView before = ByteView(bytes).first(have);
  if (!isa::follows_call(isa::Arch::kX86_64, before, return_address))
    return {.kind = CallBefore::Kind::kNone};
  constexpr uint8_t kCallRelative = 0xe8;
  if (have >= 5 && before[have - 5] == kCallRelative) {
    const auto distance = *load<int32_t>(before, have - 4);
    const Address target = return_address + static_cast<uint64_t>(int64_t{distance});
    if (is_executable(target)) return {.kind = CallBefore::Kind::kDirect, .target = target};
  }
  return {.kind = CallBefore::Kind::kIndirect};
}

CallBefore CodeSites::a64_call_before(Address return_address) {
  if (return_address.value % 4 != 0) return {.kind = CallBefore::Kind::kNone};
  const auto word = memory_.load<uint32_t>(return_address - 4);
  if (!word) return {};
  std::array<uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &*word, bytes.size());
  if (!isa::follows_call(isa::Arch::kAArch64, bytes, return_address))
    return {.kind = CallBefore::Kind::kNone};
  constexpr uint32_t kBranchLinkMask = 0xfc000000, kBranchLink = 0x94000000;
  if ((*word & kBranchLinkMask) != kBranchLink) return {.kind = CallBefore::Kind::kIndirect};
  const int32_t words = static_cast<int32_t>(*word << 6) >> 6;
  return {.kind = CallBefore::Kind::kDirect,
          .target = return_address - 4 + static_cast<uint64_t>(int64_t{words} * 4)};
}

Address CodeSites::code_address(uint64_t raw) const {
  return Address(image_.arch == isa::Arch::kAArch64 ? raw & kA64AddressMask : raw);
}

}  // namespace inquest::process
