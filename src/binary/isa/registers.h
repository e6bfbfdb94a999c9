// Registers of a thread, known or unknown, under one numbering for both architectures.
//
// A RegisterId below 33 is the DWARF number (x86-64: System V psABI figure 3.36; AArch64: AADWARF64
// section 4.1). Numbers from 33 up are ours, for what DWARF places elsewhere.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"

namespace inquest::isa {

enum class Arch : uint8_t { kX86_64, kAArch64 };

std::string_view to_string(Arch arch);  // "x86_64", "aarch64"

using RegisterId = uint16_t;

namespace x86 {
inline constexpr RegisterId kRax = 0, kRdx = 1, kRcx = 2, kRbx = 3, kRsi = 4, kRdi = 5, kRbp = 6,
                            kRsp = 7, kR8 = 8, kR9 = 9, kR10 = 10, kR11 = 11, kR12 = 12, kR13 = 13,
                            kR14 = 14, kR15 = 15, kRip = 16;
inline constexpr RegisterId kEflags = 33, kFsBase = 34, kGsBase = 35, kOrigRax = 36;
}  // namespace x86

namespace a64 {
inline constexpr RegisterId kX0 = 0, kFp = 29, kLr = 30, kSp = 31, kPc = 32;
inline constexpr RegisterId kPstate = 33, kTpidr = 34, kRaSignState = 35;
}  // namespace a64

inline constexpr RegisterId kRegisterCount = 37;

RegisterId pc_register(Arch arch);
RegisterId sp_register(Arch arch);
RegisterId fp_register(Arch arch);  // rbp, x29

// "rax", "x19", "sp"; empty when the number names nothing on this architecture.
std::string_view register_name(Arch arch, RegisterId id);
std::optional<RegisterId> register_by_name(Arch arch, std::string_view name);

// System V / AAPCS64: does a function have to hand this register back as it got it?
bool is_callee_saved(Arch arch, RegisterId id);
// The register of the n-th integer argument (0-based), if it is passed in one.
std::optional<RegisterId> argument_register(Arch arch, unsigned index);
RegisterId return_register(Arch arch);

// The integer registers of one frame. Each is known or unknown; unknown is never zero.
class RegisterFile {
 public:
  explicit RegisterFile(Arch arch = Arch::kX86_64) : arch_(arch) {}

  Arch arch() const { return arch_; }
  std::optional<uint64_t> get(RegisterId id) const {
    if (id >= kRegisterCount || (known_ >> id & 1) == 0) return std::nullopt;
    return values_[id];
  }
  void set(RegisterId id, uint64_t value) {
    if (id >= kRegisterCount) return;
    values_[id] = value;
    known_ |= uint64_t{1} << id;
  }
  void forget(RegisterId id) {
    if (id < kRegisterCount) known_ &= ~(uint64_t{1} << id);
  }

  // Forgets all registers but those whose bit (1 << id) is in `mask`.
  void keep_only(uint64_t mask) { known_ &= mask; }

  std::optional<Address> pc() const { return address(pc_register(arch_)); }
  std::optional<Address> sp() const { return address(sp_register(arch_)); }
  std::optional<Address> fp() const { return address(fp_register(arch_)); }
  void set_pc(Address a) { set(pc_register(arch_), a.value); }
  void set_sp(Address a) { set(sp_register(arch_), a.value); }

 private:
  std::optional<Address> address(RegisterId id) const {
    const auto value = get(id);
    return value ? std::optional(Address(*value)) : std::nullopt;
  }

  std::array<uint64_t, kRegisterCount> values_{};
  uint64_t known_ = 0;
  Arch arch_;
};

}  // namespace inquest::isa
