#include "binary/isa/registers.h"

namespace inquest::isa {
namespace {

constexpr std::array<std::string_view, kRegisterCount> kX86Names = {
    "rax", "rdx", "rcx", "rbx",    "rsi",     "rdi",     "rbp",     "rsp", "r8", "r9",
    "r10", "r11", "r12", "r13",    "r14",     "r15",     "rip",     "",    "",   "",
    "",    "",    "",    "",       "",        "",        "",        "",    "",   "",
    "",    "",    "",    "eflags", "fs_base", "gs_base", "orig_rax"};

constexpr std::array<std::string_view, kRegisterCount> kA64Names = {
    "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",     "x7",    "x8",
    "x9",  "x10", "x11", "x12", "x13", "x14", "x15",    "x16",   "x17",
    "x18", "x19", "x20", "x21", "x22", "x23", "x24",    "x25",   "x26",
    "x27", "x28", "x29", "x30", "sp",  "pc",  "pstate", "tpidr", "ra_sign_state",
    ""};

}  // namespace

std::string_view to_string(Arch arch) { return arch == Arch::kX86_64 ? "x86_64" : "aarch64"; }

RegisterId pc_register(Arch arch) { return arch == Arch::kX86_64 ? x86::kRip : a64::kPc; }
RegisterId sp_register(Arch arch) { return arch == Arch::kX86_64 ? x86::kRsp : a64::kSp; }
RegisterId fp_register(Arch arch) { return arch == Arch::kX86_64 ? x86::kRbp : a64::kFp; }
RegisterId return_register(Arch arch) { return arch == Arch::kX86_64 ? x86::kRax : a64::kX0; }

std::string_view register_name(Arch arch, RegisterId id) {
  if (id >= kRegisterCount) return {};
  return arch == Arch::kX86_64 ? kX86Names[id] : kA64Names[id];
}

std::optional<RegisterId> register_by_name(Arch arch, std::string_view name) {
  if (name.empty()) return std::nullopt;
  for (RegisterId id = 0; id < kRegisterCount; ++id) {
    if (register_name(arch, id) == name) return id;
  }
  return std::nullopt;
}

bool is_callee_saved(Arch arch, RegisterId id) {
  if (arch == Arch::kX86_64) {
    return id == x86::kRbx || id == x86::kRbp || id == x86::kRsp ||
           (id >= x86::kR12 && id <= x86::kR15);
  }
  return (id >= 19 && id <= a64::kFp) || id == a64::kSp;
}

std::optional<RegisterId> argument_register(Arch arch, unsigned index) {
  constexpr std::array<RegisterId, 6> kX86Arguments = {x86::kRdi, x86::kRsi, x86::kRdx,
                                                       x86::kRcx, x86::kR8,  x86::kR9};
  if (arch == Arch::kX86_64) {
    if (index >= kX86Arguments.size()) return std::nullopt;
    return kX86Arguments[index];
  }
  if (index >= 8) return std::nullopt;
  return static_cast<RegisterId>(index);
}

}  // namespace inquest::isa
