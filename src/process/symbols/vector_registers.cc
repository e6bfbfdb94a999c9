#include "process/symbols/vector_registers.h"

namespace inquest::process {

std::optional<ByteView> vector_register(isa::Arch arch, ByteView state, uint64_t dwarf_number) {
  // The legacy region of the XSAVE area (Intel SDM vol. 1, 13.4.1) is the FXSAVE image: ST/MM at
  // 32, XMM at 160.
  constexpr uint64_t kX87Offset = 32, kXmmOffset = 160, kX87Size = 10, kSlot = 16;
  if (arch == isa::Arch::kX86_64) {
    if (dwarf_number >= 17 && dwarf_number <= 32)
      return slice(state, kXmmOffset + (dwarf_number - 17) * kSlot, kSlot);
    if (dwarf_number >= 33 && dwarf_number <= 40)
      return slice(state, kX87Offset + (dwarf_number - 33) * kSlot, kX87Size);
    return std::nullopt;
  }
  if (dwarf_number >= 64 && dwarf_number <= 95)
    return slice(state, (dwarf_number - 64) * kSlot, kSlot);
  return std::nullopt;
}

}  // namespace inquest::process
