#include "binary/isa/x86.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <array>

namespace inquest::isa {
namespace {

using x86::Parts;

const ZydisDecoder& decoder() {
  static const ZydisDecoder instance = [] {
    ZydisDecoder made;
    INQ_CHECK(
        ZYAN_SUCCESS(ZydisDecoderInit(&made, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)));
    return made;
  }();
  return instance;
}

// "mov eax, dword ptr [rip+0x2f]": sizes always shown, lower case hex without padding, branch
// targets absolute.
const ZydisFormatter& formatter() {
  static const ZydisFormatter instance = [] {
    ZydisFormatter made;
    INQ_CHECK(ZYAN_SUCCESS(ZydisFormatterInit(&made, ZYDIS_FORMATTER_STYLE_INTEL)));
    const auto set = [&](ZydisFormatterProperty property, ZyanUPointer value) {
      INQ_CHECK(ZYAN_SUCCESS(ZydisFormatterSetProperty(&made, property, value)));
    };
    set(ZYDIS_FORMATTER_PROP_FORCE_SIZE, ZYAN_TRUE);
    set(ZYDIS_FORMATTER_PROP_FORCE_RELATIVE_RIPREL, ZYAN_TRUE);
    set(ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
    set(ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, ZYDIS_PADDING_DISABLED);
    set(ZYDIS_FORMATTER_PROP_ADDR_PADDING_RELATIVE, ZYDIS_PADDING_DISABLED);
    set(ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED);
    set(ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED);
    return made;
  }();
  return instance;
}

// Prefix bytes that may stand before the opcode, REX included.
bool is_prefix(uint8_t byte) {
  constexpr std::array<uint8_t, 11> kLegacy = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
                                               0x66, 0x67, 0xf0, 0xf2, 0xf3};
  return (byte & 0xf0) == 0x40 || std::find(kLegacy.begin(), kLegacy.end(), byte) != kLegacy.end();
}

Error decode_error(ZyanStatus status, ByteView code) {
  if (status == ZYDIS_STATUS_NO_MORE_DATA) {
    return Error(ErrorCode::kTruncated, "the bytes end inside an x86-64 instruction");
  }
  const auto opcode = std::find_if_not(code.begin(), code.end(), is_prefix);
  // VEX, EVEX and REX2 are where new instructions are still being added.
  constexpr std::array<uint8_t, 4> kGrowing = {0x62, 0xc4, 0xc5, 0xd5};
  if (opcode != code.end() &&
      std::find(kGrowing.begin(), kGrowing.end(), *opcode) != kGrowing.end()) {
    return Error(ErrorCode::kUnsupported,
                 "an invalid x86-64 instruction, or one newer than this decoder");
  }
  return Error(ErrorCode::kCorrupt, "not a valid x86-64 instruction");
}

void add_once(std::vector<RegisterId>& list, RegisterId id) {
  if (std::find(list.begin(), list.end(), id) == list.end()) list.push_back(id);
}

void add_read(Instruction& out, int zydis_register) {
  const auto id = x86::parent_register(zydis_register);
  if (id && *id != x86::kRip) add_once(out.reads, *id);
}

// A write to the low 8 or 16 bits keeps the rest; a 32-bit write clears the upper half.
bool keeps_old_bits(const ZydisDecodedOperand& operand) {
  return operand.size < 32 || (operand.actions & ZYDIS_OPERAND_ACTION_CONDWRITE) != 0;
}

bool is_nop(const ZydisDecodedInstruction& in) {
  return in.meta.category == ZYDIS_CATEGORY_NOP || in.meta.category == ZYDIS_CATEGORY_WIDENOP;
}

void add_registers(const Parts& parts, Instruction& out) {
  if (is_nop(parts.instruction)) return;
  for (size_t i = 0; i < parts.instruction.operand_count; ++i) {
    const auto& operand = parts.operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
      add_read(out, operand.mem.base);
      add_read(out, operand.mem.index);
      // Zydis leaves out that cmps, scas and outs move rsi and rdi.
      if (parts.instruction.meta.category == ZYDIS_CATEGORY_STRINGOP ||
          parts.instruction.meta.category == ZYDIS_CATEGORY_IOSTRINGOP) {
        if (const auto id = x86::parent_register(operand.mem.base)) add_once(out.writes, *id);
      }
    } else if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
      const auto id = x86::parent_register(operand.reg.value);
      if (!id || *id == x86::kRip) continue;
      const bool writes = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
      const bool reads = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
      if (reads || (writes && keeps_old_bits(operand))) add_once(out.reads, *id);
      if (writes) add_once(out.writes, *id);
    }
  }
}

// int 0x80 enters the kernel; int3 and int1 are traps on purpose; the other vectors have gates that
// user code may not use.
Flow interrupt_flow(const Parts& parts, Instruction& out) {
  if (parts.instruction.mnemonic != ZYDIS_MNEMONIC_INT) return Flow::kTrap;
  const uint64_t vector = parts.operands[0].imm.value.u & 0xff;
  if (vector == 0x80) return Flow::kSystemCall;
  out.privileged = vector != 3 && vector != 4;
  return Flow::kTrap;
}

Flow flow_of(const Parts& parts, Instruction& out) {
  switch (parts.instruction.mnemonic) {
    case ZYDIS_MNEMONIC_HLT:
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
      return Flow::kTrap;
    default:
      break;
  }
  switch (parts.instruction.meta.category) {
    case ZYDIS_CATEGORY_CALL:
      return Flow::kCall;
    case ZYDIS_CATEGORY_RET:
      return Flow::kReturn;
    case ZYDIS_CATEGORY_UNCOND_BR:
      return Flow::kJump;
    case ZYDIS_CATEGORY_COND_BR:
      return Flow::kBranch;
    case ZYDIS_CATEGORY_SYSCALL:
      return Flow::kSystemCall;
    case ZYDIS_CATEGORY_INTERRUPT:
      return interrupt_flow(parts, out);
    default:
      return Flow::kNext;
  }
}

BranchTarget target_of(const Parts& parts, Address pc) {
  BranchTarget target;
  const auto& operand = parts.operands[0];
  if (parts.instruction.operand_count == 0) return target;
  if (operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
    target.direct = pc + parts.instruction.length + operand.imm.value.u;
  } else if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
    target.through_register = x86::parent_register(operand.reg.value);
  } else if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
    target.through_memory = true;
  }
  return target;
}

// What Zydis does not mark: port access and the interrupt flag need an I/O privilege level that
// Linux processes lack, the descriptor tables and machine registers need ring 0.
bool is_privileged(const ZydisDecodedInstruction& in) {
  if ((in.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED) != 0) return true;
  switch (in.mnemonic) {
    case ZYDIS_MNEMONIC_CLI:
    case ZYDIS_MNEMONIC_STI:
    case ZYDIS_MNEMONIC_LGDT:
    case ZYDIS_MNEMONIC_LIDT:
    case ZYDIS_MNEMONIC_LLDT:
    case ZYDIS_MNEMONIC_LTR:
    case ZYDIS_MNEMONIC_LMSW:
    case ZYDIS_MNEMONIC_CLTS:
    case ZYDIS_MNEMONIC_INVD:
    case ZYDIS_MNEMONIC_WBINVD:
    case ZYDIS_MNEMONIC_RDMSR:
    case ZYDIS_MNEMONIC_WRMSR:
    case ZYDIS_MNEMONIC_SWAPGS:
    case ZYDIS_MNEMONIC_SYSRET:
    case ZYDIS_MNEMONIC_SYSEXIT:
    case ZYDIS_MNEMONIC_XSETBV:
      return true;
    default:
      return in.meta.category == ZYDIS_CATEGORY_IO || in.meta.category == ZYDIS_CATEGORY_IOSTRINGOP;
  }
}

void add_division(const Parts& parts, Instruction& out) {
  const auto mnemonic = parts.instruction.mnemonic;
  if (mnemonic != ZYDIS_MNEMONIC_DIV && mnemonic != ZYDIS_MNEMONIC_IDIV) return;
  out.divides = true;
  out.divisor_bits = static_cast<uint8_t>(parts.operands[0].size);
  if (parts.operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER) {
    out.divisor_register = x86::parent_register(parts.operands[0].reg.value);
  }
}

std::string text_of(const Parts& parts, Address pc) {
  std::array<char, 256> buffer{};
  const auto status = ZydisFormatterFormatInstruction(
      &formatter(), &parts.instruction, parts.operands, parts.instruction.operand_count_visible,
      buffer.data(), buffer.size(), pc.value, nullptr);
  return ZYAN_SUCCESS(status) ? buffer.data() : ZydisMnemonicGetString(parts.instruction.mnemonic);
}

}  // namespace

namespace x86 {

std::optional<RegisterId> parent_register(int zydis_register) {
  constexpr std::array<RegisterId, 16> kByEncoding = {
      kRax, kRcx, kRdx, kRbx, kRsp, kRbp, kRsi, kRdi, kR8, kR9, kR10, kR11, kR12, kR13, kR14, kR15};
  if (zydis_register == ZYDIS_REGISTER_RIP || zydis_register == ZYDIS_REGISTER_EIP) return kRip;
  const auto parent = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
                                                       static_cast<ZydisRegister>(zydis_register));
  if (ZydisRegisterGetClass(parent) != ZYDIS_REGCLASS_GPR64) return std::nullopt;
  return kByEncoding[static_cast<size_t>(ZydisRegisterGetId(parent)) & 15];
}

}  // namespace x86

Result<Instruction> decode_x86(ByteView code, Address pc) {
  ZydisDecodedInstruction instruction;
  std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands;
  const size_t size = std::min(code.size(), kMaxInstructionLength);
  if (size == 0) return Error(ErrorCode::kTruncated, "no bytes to decode");
  const auto status =
      ZydisDecoderDecodeFull(&decoder(), code.data(), size, &instruction, operands.data());
  if (!ZYAN_SUCCESS(status)) return decode_error(status, code.first(size));

  const Parts parts{instruction, operands.data()};
  Instruction out;
  out.pc = pc;
  out.length = instruction.length;
  out.mnemonic = ZydisMnemonicGetString(instruction.mnemonic);
  out.text = text_of(parts, pc);
  out.flow = flow_of(parts, out);
  if (out.flow == Flow::kCall || out.flow == Flow::kJump || out.flow == Flow::kBranch) {
    out.target = target_of(parts, pc);
  }
  add_registers(parts, out);
  x86::add_memory_operands(parts, out);
  add_division(parts, out);
  out.privileged = out.privileged || is_privileged(instruction);
  out.needs_feature = x86::needed_feature(parts);
  x86::add_data_flow(parts, out);
  x86::add_stores_and_comparisons(parts, out);
  return out;
}

bool follows_call_x86(ByteView before) {
  // Near calls: e8 rel32, or ff /2 of 2 to 7 bytes with up to two prefixes.
  constexpr size_t kShortest = 2, kLongest = 9, kRelative = 5;
  const ByteView tail = before.last(std::min(kLongest, before.size()));
  const bool relative = before.size() >= kRelative && before[before.size() - kRelative] == 0xe8;
  if (!relative && std::find(tail.begin(), tail.end(), 0xff) == tail.end()) return false;
  for (size_t length = kShortest; length <= std::min(kLongest, before.size()); ++length) {
    const ByteView candidate = before.last(length);
    ZydisDecodedInstruction in;
    if (!ZYAN_SUCCESS(
            ZydisDecoderDecodeInstruction(&decoder(), nullptr, candidate.data(), length, &in))) {
      continue;
    }
    if (in.length == length && in.meta.category == ZYDIS_CATEGORY_CALL &&
        in.meta.branch_type == ZYDIS_BRANCH_TYPE_NEAR) {
      return true;
    }
  }
  return false;
}

}  // namespace inquest::isa
