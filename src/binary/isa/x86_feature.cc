// Which processor feature an instruction needs beyond what every x86-64 has: for "illegal
// instruction".
#include <Zydis/Zydis.h>

#include <array>
#include <utility>

#include "binary/isa/x86.h"

namespace inquest::isa::x86 {
namespace {

// Zydis's set → the name as manuals and /proc/cpuinfo readers know it. Empty: every x86-64
// processor has it, or it runs as a no-op where it is unknown.
constexpr std::array<std::pair<ZydisISASet, std::string_view>, 44> kNames = {{
    {ZYDIS_ISA_SET_I86, ""},
    {ZYDIS_ISA_SET_I186, ""},
    {ZYDIS_ISA_SET_I286PROTECTED, ""},
    {ZYDIS_ISA_SET_I286REAL, ""},
    {ZYDIS_ISA_SET_I386, ""},
    {ZYDIS_ISA_SET_I486, ""},
    {ZYDIS_ISA_SET_I486REAL, ""},
    {ZYDIS_ISA_SET_PENTIUMMMX, ""},
    {ZYDIS_ISA_SET_PENTIUMREAL, ""},
    {ZYDIS_ISA_SET_PPRO, ""},
    {ZYDIS_ISA_SET_CMOV, ""},
    {ZYDIS_ISA_SET_FCMOV, ""},
    {ZYDIS_ISA_SET_X87, ""},
    {ZYDIS_ISA_SET_SSE, ""},
    {ZYDIS_ISA_SET_SSE2, ""},
    {ZYDIS_ISA_SET_SSE2MMX, ""},
    {ZYDIS_ISA_SET_SSEMXCSR, ""},
    {ZYDIS_ISA_SET_SSE_PREFETCH, ""},
    {ZYDIS_ISA_SET_PREFETCH_NOP, ""},
    {ZYDIS_ISA_SET_FAT_NOP, ""},
    {ZYDIS_ISA_SET_FXSAVE, ""},
    {ZYDIS_ISA_SET_FXSAVE64, ""},
    {ZYDIS_ISA_SET_LONGMODE, ""},
    {ZYDIS_ISA_SET_LAHF, ""},
    {ZYDIS_ISA_SET_PAUSE, ""},
    {ZYDIS_ISA_SET_CLFSH, ""},
    {ZYDIS_ISA_SET_RDPMC, ""},
    {ZYDIS_ISA_SET_CLDEMOTE, ""},
    {ZYDIS_ISA_SET_MPX, ""},
    {ZYDIS_ISA_SET_AMD3DNOW, "3DNOW"},
    {ZYDIS_ISA_SET_CMPXCHG16B, "CX16"},
    {ZYDIS_ISA_SET_SSE3X87, "SSE3"},
    {ZYDIS_ISA_SET_SSSE3MMX, "SSSE3"},
    {ZYDIS_ISA_SET_SSE4, "SSE4.1"},
    {ZYDIS_ISA_SET_SSE42, "SSE4.2"},
    {ZYDIS_ISA_SET_AVX2GATHER, "AVX2"},
    {ZYDIS_ISA_SET_AVXAES, "AVX"},
    {ZYDIS_ISA_SET_ADOX_ADCX, "ADX"},
    {ZYDIS_ISA_SET_RDWRFSGS, "FSGSBASE"},
    {ZYDIS_ISA_SET_KEYLOCKER_WIDE, "WIDEKL"},
    {ZYDIS_ISA_SET_KEYLOCKER, "KL"},
    {ZYDIS_ISA_SET_VTX, "VMX"},
    {ZYDIS_ISA_SET_WAITPKG, "WAITPKG"},
    {ZYDIS_ISA_SET_SGX_ENCLV, "SGX"},
}};

// "AVX512BW_256" is AVX512BW whatever the vector length, "AVX512F_SCALAR" is AVX512F.
std::string_view without_width(std::string_view name) {
  for (std::string_view suffix : {"_128N", "_128", "_256", "_512", "_SCALAR", "_KOP"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

}  // namespace

std::string_view needed_feature(const Parts& parts) {
  const auto set = parts.instruction.meta.isa_set;
  if (set == ZYDIS_ISA_SET_CET) {
    // endbr and rdssp lie in the no-op space; the others of CET do not.
    const auto name = parts.instruction.mnemonic;
    const bool harmless = name == ZYDIS_MNEMONIC_ENDBR64 || name == ZYDIS_MNEMONIC_ENDBR32 ||
                          name == ZYDIS_MNEMONIC_RDSSPD || name == ZYDIS_MNEMONIC_RDSSPQ;
    return harmless ? "" : "CET_SS";
  }
  for (const auto& [known, name] : kNames) {
    if (known == set) return name;
  }
  const char* name = ZydisISASetGetString(set);
  return name == nullptr ? std::string_view() : without_width(name);
}

}  // namespace inquest::isa::x86
