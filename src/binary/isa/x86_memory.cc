// Memory operands of x86-64: where Zydis says what the manual says, take it; where it reports the
// address of a hidden stack slot before the push, or a read that is none, mend it (Intel SDM volume
// 2).
#include <Zydis/Zydis.h>

#include <algorithm>

#include "binary/isa/x86.h"

namespace inquest::isa::x86 {
namespace {

// Hints: they name an address but never fault on it. (clflush, clflushopt and clwb do fault, as a
// byte load.)
bool names_address_only(const ZydisDecodedInstruction& in) {
  switch (in.meta.category) {
    case ZYDIS_CATEGORY_NOP:
    case ZYDIS_CATEGORY_WIDENOP:
    case ZYDIS_CATEGORY_PREFETCH:
    case ZYDIS_CATEGORY_PREFETCHWT1:
    case ZYDIS_CATEGORY_CLDEMOTE:
      return true;
    default:
      return in.mnemonic == ZYDIS_MNEMONIC_INVLPG || in.mnemonic == ZYDIS_MNEMONIC_UD0 ||
             in.mnemonic == ZYDIS_MNEMONIC_UD1;
  }
}

bool is_cache_line_flush(const ZydisDecodedInstruction& in) {
  return in.mnemonic == ZYDIS_MNEMONIC_CLFLUSH || in.mnemonic == ZYDIS_MNEMONIC_CLFLUSHOPT ||
         in.mnemonic == ZYDIS_MNEMONIC_CLWB;
}

bool is_xsave_family(const ZydisDecodedInstruction& in) {
  const auto name = in.mnemonic;
  return name == ZYDIS_MNEMONIC_XSAVE || name == ZYDIS_MNEMONIC_XSAVE64 ||
         name == ZYDIS_MNEMONIC_XSAVEC || name == ZYDIS_MNEMONIC_XSAVEC64 ||
         name == ZYDIS_MNEMONIC_XSAVEOPT || name == ZYDIS_MNEMONIC_XSAVEOPT64 ||
         name == ZYDIS_MNEMONIC_XSAVES || name == ZYDIS_MNEMONIC_XSAVES64 ||
         name == ZYDIS_MNEMONIC_XRSTOR || name == ZYDIS_MNEMONIC_XRSTOR64 ||
         name == ZYDIS_MNEMONIC_XRSTORS || name == ZYDIS_MNEMONIC_XRSTORS64;
}

bool is_fxsave_family(const ZydisDecodedInstruction& in) {
  const auto name = in.mnemonic;
  return name == ZYDIS_MNEMONIC_FXSAVE || name == ZYDIS_MNEMONIC_FXSAVE64 ||
         name == ZYDIS_MNEMONIC_FXRSTOR || name == ZYDIS_MNEMONIC_FXRSTOR64;
}

// bt, bts, btr, btc with the bit number in a register reach outside the operand that is written
// down.
bool is_bit_string(const Parts& parts) {
  return parts.instruction.meta.category == ZYDIS_CATEGORY_BITBYTE &&
         parts.instruction.operand_count >= 2 &&
         parts.operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY &&
         parts.operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
         parts.operands[1].visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT;
}

// The address depends on more than base, index and displacement.
bool is_inexact(const Parts& parts, const ZydisDecodedOperand& operand) {
  return operand.mem.type == ZYDIS_MEMOP_TYPE_VSIB || is_bit_string(parts) ||
         parts.instruction.mnemonic == ZYDIS_MNEMONIC_XLAT;
}

bool size_is_dynamic(const Parts& parts, const ZydisDecodedOperand& operand) {
  constexpr auto kRepeated = ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE;
  const auto category = parts.instruction.meta.category;
  const bool is_string =
      category == ZYDIS_CATEGORY_STRINGOP || category == ZYDIS_CATEGORY_IOSTRINGOP;
  return is_inexact(parts, operand) || is_xsave_family(parts.instruction) ||
         (is_string && (parts.instruction.attributes & kRepeated) != 0);
}

bool touches_xmm(const Parts& parts) {
  return std::any_of(parts.operands, parts.operands + parts.instruction.operand_count,
                     [](const ZydisDecodedOperand& operand) {
                       return operand.type == ZYDIS_OPERAND_TYPE_REGISTER &&
                              ZydisRegisterGetClass(operand.reg.value) == ZYDIS_REGCLASS_XMM;
                     });
}

// 128-bit operands of legacy SSE must be aligned, but for these.
bool allows_misaligned_sse(ZydisMnemonic mnemonic) {
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_MOVUPS:
    case ZYDIS_MNEMONIC_MOVUPD:
    case ZYDIS_MNEMONIC_MOVDQU:
    case ZYDIS_MNEMONIC_LDDQU:
    case ZYDIS_MNEMONIC_MASKMOVDQU:
    case ZYDIS_MNEMONIC_PCMPESTRI:
    case ZYDIS_MNEMONIC_PCMPESTRM:
    case ZYDIS_MNEMONIC_PCMPISTRI:
    case ZYDIS_MNEMONIC_PCMPISTRM:
      return true;
    default:
      return false;
  }
}

// VEX and EVEX operands may be misaligned, but for the moves that say "aligned" or "non-temporal".
bool demands_aligned_vector(ZydisMnemonic mnemonic) {
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_VMOVAPS:
    case ZYDIS_MNEMONIC_VMOVAPD:
    case ZYDIS_MNEMONIC_VMOVDQA:
    case ZYDIS_MNEMONIC_VMOVDQA32:
    case ZYDIS_MNEMONIC_VMOVDQA64:
    case ZYDIS_MNEMONIC_VMOVNTDQ:
    case ZYDIS_MNEMONIC_VMOVNTDQA:
    case ZYDIS_MNEMONIC_VMOVNTPS:
    case ZYDIS_MNEMONIC_VMOVNTPD:
      return true;
    default:
      return false;
  }
}

uint32_t required_alignment(const Parts& parts, const ZydisDecodedOperand& operand) {
  const auto& in = parts.instruction;
  const uint32_t bytes = operand.size / 8u;
  if (in.mnemonic == ZYDIS_MNEMONIC_CMPXCHG16B) return 16;
  if (is_fxsave_family(in)) return 16;
  if (is_xsave_family(in)) return 64;
  if (in.mnemonic == ZYDIS_MNEMONIC_MOVDIR64B || in.mnemonic == ZYDIS_MNEMONIC_ENQCMD) {
    return operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN ? 64 : 1;
  }
  if (in.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY) {
    const bool aligned = bytes == 16 && touches_xmm(parts) && !allows_misaligned_sse(in.mnemonic);
    return aligned ? 16 : 1;
  }
  return demands_aligned_vector(in.mnemonic) ? bytes : 1;
}

Access access_of(const ZydisDecodedOperand& operand) {
  const bool reads = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
  const bool writes = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
  if (reads && writes) return Access::kReadWrite;
  return writes ? Access::kWrite : Access::kRead;
}

// A push writes below the old rsp; Zydis names the new one. `pop [rsp+8]` computes its address
// after the pop.
void correct_stack_address(const Parts& parts, const ZydisDecodedOperand& operand,
                           MemoryOperand& out) {
  const auto category = parts.instruction.meta.category;
  const bool hidden = operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
  if (out.base != kRsp) return;
  if (hidden && out.access == Access::kWrite) {
    out.displacement -= static_cast<int64_t>(out.size);
  } else if (!hidden && category == ZYDIS_CATEGORY_POP) {
    out.displacement += static_cast<int64_t>(out.size);
  }
}

MemoryOperand convert(const Parts& parts, const ZydisDecodedOperand& operand) {
  MemoryOperand out;
  out.access = access_of(operand);
  out.size = is_cache_line_flush(parts.instruction) ? 1 : operand.size / 8u;
  out.base = parent_register(operand.mem.base);
  out.index = parent_register(operand.mem.index);
  if (out.index) out.scale = operand.mem.scale;
  out.displacement = operand.mem.disp.value;
  out.truncated32 = parts.instruction.address_width == 32;
  out.index_zero_extend32 = out.truncated32 && out.index.has_value();
  if (operand.mem.segment == ZYDIS_REGISTER_FS) out.segment_base = kFsBase;
  if (operand.mem.segment == ZYDIS_REGISTER_GS) out.segment_base = kGsBase;
  out.implicit = operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
  out.required_alignment = required_alignment(parts, operand);
  correct_stack_address(parts, operand, out);
  if (size_is_dynamic(parts, operand)) out.size = 0;
  out.inexact = is_inexact(parts, operand);
  // The stack slots of push, call and their like are addressed by the whole rsp whatever the prefix
  // says.
  if (out.implicit && (out.base == kRsp || out.base == kRbp)) out.truncated32 = false;
  return out;
}

// enter n, level: pushes rbp; with a level it copies level-1 older frame pointers and pushes the
// new one.
void add_enter(const Parts& parts, Instruction& out) {
  const uint32_t level = parts.operands[1].imm.value.u & 31;
  MemoryOperand pushed;
  pushed.access = Access::kWrite;
  pushed.size = level == 0 ? 8 : 8 * (level + 1);
  pushed.base = kRsp;
  pushed.displacement = -int64_t{pushed.size};
  pushed.implicit = true;
  out.memory.push_back(pushed);
  if (level > 1) {
    MemoryOperand copied = pushed;
    copied.access = Access::kRead;
    copied.size = 8 * (level - 1);
    copied.base = kRbp;
    copied.displacement = -int64_t{copied.size};
    out.memory.push_back(copied);
  }
}

}  // namespace

void add_memory_operands(const Parts& parts, Instruction& out) {
  if (names_address_only(parts.instruction)) return;
  if (parts.instruction.mnemonic == ZYDIS_MNEMONIC_ENTER) return add_enter(parts, out);
  for (size_t i = 0; i < parts.instruction.operand_count; ++i) {
    const auto& operand = parts.operands[i];
    if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY) continue;
    if (operand.mem.type != ZYDIS_MEMOP_TYPE_MEM && operand.mem.type != ZYDIS_MEMOP_TYPE_VSIB) {
      continue;
    }
    out.memory.push_back(convert(parts, operand));
  }
}

}  // namespace inquest::isa::x86
