// Layouts: CONTEXT of winnt.h for AMD64 and ARM64; MDRawContextARM64_Old of Breakpad's
// minidump_cpu_arm64.h. The floating-point part of AMD64 is an FXSAVE image.
#include "process/input/minidump_context.h"

#include <array>

#include "base/cursor.h"

namespace inquest::process {
namespace {

namespace x86 = isa::x86;
namespace a64 = isa::a64;

constexpr uint32_t kAmd64 = 0x00100000, kArm64 = 0x00400000, kOldArm64 = 0x80000000;
constexpr uint32_t kControl = 1, kInteger = 2, kAmd64FloatingPoint = 8, kArm64FloatingPoint = 4;
constexpr uint64_t kFxsaveSize = 512;
constexpr uint64_t kA64VectorsSize = 32 * 16;

std::optional<MinidumpContext> read_amd64(ByteView bytes) {
  constexpr uint64_t kFlagsAt = 0x30, kEflagsAt = 0x44, kRegistersAt = 0x78, kRipAt = 0xf8,
                     kFxsaveAt = 0x100;
  constexpr std::array<isa::RegisterId, 16> kOrder = {
      x86::kRax, x86::kRcx, x86::kRdx, x86::kRbx, x86::kRsp, x86::kRbp, x86::kRsi, x86::kRdi,
      x86::kR8,  x86::kR9,  x86::kR10, x86::kR11, x86::kR12, x86::kR13, x86::kR14, x86::kR15};
  const auto flags = load<uint32_t>(bytes, kFlagsAt);
  const auto rip = load<uint64_t>(bytes, kRipAt);
  if (!flags || !rip || (*flags & kAmd64) == 0) return std::nullopt;
  MinidumpContext context{.registers = isa::RegisterFile(isa::Arch::kX86_64), .vector_state = {}};
  for (size_t i = 0; i < kOrder.size(); ++i) {
    const uint32_t group = kOrder[i] == x86::kRsp ? kControl : kInteger;
    if ((*flags & group) == 0) continue;
    context.registers.set(kOrder[i], *load<uint64_t>(bytes, kRegistersAt + i * 8));
  }
  if ((*flags & kControl) != 0) {
    context.registers.set(x86::kRip, *rip);
    context.registers.set(x86::kEflags, *load<uint32_t>(bytes, kEflagsAt));
  }
  const auto vectors = slice(bytes, kFxsaveAt, kFxsaveSize);
  if (vectors && (*flags & kAmd64FloatingPoint) != 0) {
    context.vector_state.assign(vectors->begin(), vectors->end());
  }
  return context;
}

// As NT_FPREGSET has it: v0 … v31, fpsr, fpcr, padding.
Bytes a64_vector_state(ByteView vectors, uint32_t fpsr, uint32_t fpcr) {
  Bytes state(vectors.begin(), vectors.end());
  for (const uint32_t word : {fpsr, fpcr, 0U, 0U}) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
      state.push_back(static_cast<uint8_t>(word >> shift));
    }
  }
  return state;
}

void read_a64_registers(Cursor& cursor, uint32_t flags, isa::RegisterFile& registers) {
  for (isa::RegisterId id = a64::kX0; id <= a64::kPc; ++id) {  // x0 … x30, sp, pc
    const uint64_t value = cursor.u64();
    const uint32_t group = id >= a64::kFp ? kControl : kInteger;
    if ((flags & group) != 0) registers.set(id, value);
  }
}

std::optional<MinidumpContext> read_arm64(ByteView bytes) {
  MinidumpContext context{.registers = isa::RegisterFile(isa::Arch::kAArch64), .vector_state = {}};
  Cursor cursor(bytes);
  const uint32_t flags = cursor.u32();
  if ((flags & kArm64) != 0) {
    const uint32_t cpsr = cursor.u32();
    read_a64_registers(cursor, flags, context.registers);
    if (!cursor.ok()) return std::nullopt;
    if ((flags & kControl) != 0) context.registers.set(a64::kPstate, cpsr);
    const ByteView vectors = cursor.bytes(kA64VectorsSize);
    const uint32_t fpcr = cursor.u32(), fpsr = cursor.u32();
    if (cursor.ok() && (flags & kArm64FloatingPoint) != 0) {
      context.vector_state = a64_vector_state(vectors, fpsr, fpcr);
    }
    return context;
  }
  if ((flags & kOldArm64) == 0) return std::nullopt;
  cursor.skip(4);  // the flags have 64 bits
  // It knows one group for all of them.
  const uint32_t groups = (flags & kInteger) != 0 ? kInteger | kControl : 0;
  read_a64_registers(cursor, groups, context.registers);
  if (!cursor.ok()) return std::nullopt;
  const uint32_t cpsr = cursor.u32();
  if (cursor.ok() && groups != 0) context.registers.set(a64::kPstate, cpsr);
  const uint32_t fpsr = cursor.u32(), fpcr = cursor.u32();
  const ByteView vectors = cursor.bytes(kA64VectorsSize);
  if (cursor.ok() && (flags & kArm64FloatingPoint) != 0) {
    context.vector_state = a64_vector_state(vectors, fpsr, fpcr);
  }
  return context;
}

}  // namespace

std::optional<MinidumpContext> read_minidump_context(ByteView bytes, isa::Arch arch) {
  return arch == isa::Arch::kX86_64 ? read_amd64(bytes) : read_arm64(bytes);
}

}  // namespace inquest::process
