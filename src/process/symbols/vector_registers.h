// Vector and floating-point registers inside a thread's recorded state: XSAVE area (x86-64) or
// user_fpsimd_state (AArch64).
#pragma once

#include <optional>

#include "base/bytes.h"
#include "binary/isa/registers.h"

namespace inquest::process {

// The bytes of the register with this DWARF number (x86-64: 17..32 xmm, 33..40 st0..st7;
// AArch64: 64..95 v0..v31); nullopt when it is no such register or the state does not hold it.
std::optional<ByteView> vector_register(isa::Arch arch, ByteView state, uint64_t dwarf_number);

}  // namespace inquest::process
