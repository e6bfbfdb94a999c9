// What one machine instruction reads and writes: x86-64 through Zydis, AArch64 by our own tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "binary/isa/registers.h"

namespace inquest::isa {

enum class Access : uint8_t { kRead, kWrite, kReadWrite, kExecute };
std::string_view to_string(Access access);  // "read", "write", "read-write", "execute"

enum class Flow : uint8_t {
  kNext,         // goes on with the next instruction
  kJump,         // unconditional
  kBranch,       // conditional
  kCall,
  kReturn,
  kTrap,         // ud2, int3, hlt, brk, udf: meant to stop here
  kSystemCall,
};

// [segment: base + index * scale + displacement]; on AArch64 `index` may be extended and shifted.
// Parts that are absent are nullopt; for rip- or pc-relative operands `base` is the pc register.
struct MemoryOperand {
  Access access = Access::kRead;
  uint32_t size = 0;  // bytes touched; 0 when it depends on registers (rep movs, xsave)
  std::optional<RegisterId> base;
  std::optional<RegisterId> index;
  uint8_t scale = 1;
  bool index_sign_extend32 = false;  // AArch64 sxtw
  bool index_zero_extend32 = false;  // AArch64 uxtw, x86 32-bit address size
  int64_t displacement = 0;
  std::optional<RegisterId> segment_base;  // kFsBase or kGsBase
  bool implicit = false;   // not written in the text: stack slots of push, call, ret; string instructions
  uint32_t required_alignment = 1;  // more than 1 when a misaligned address faults (movaps: 16)

  // The address this operand meant, given the registers before the instruction; `next_pc` is the address
  // of the following instruction. nullopt when a register it needs is unknown.
  std::optional<Address> effective_address(const RegisterFile& registers, Address next_pc) const;
};

// Where a call or jump goes: exactly one of these is set for kCall, kJump and kBranch.
struct BranchTarget {
  std::optional<Address> direct;
  std::optional<RegisterId> through_register;
  bool through_memory = false;  // then the first explicit memory operand holds the pointer
};

struct Instruction {
  Address pc;
  uint8_t length = 0;
  std::string mnemonic;  // "mov", "ldr"
  std::string text;      // Intel syntax / Arm syntax: "mov eax, dword ptr [rdi+0x38]"
  Flow flow = Flow::kNext;
  BranchTarget target;
  std::vector<MemoryOperand> memory;      // explicit operands first; address-only uses (lea, nop, prefetch) left out
  std::vector<RegisterId> reads;          // integer registers only, address parts included
  std::vector<RegisterId> writes;         // integer registers only, flags left out
  bool divides = false;                   // div, idiv: may raise #DE
  std::optional<RegisterId> divisor_register;  // when the divisor is a register; else the memory operand
  bool privileged = false;                // raises #GP in user mode (hlt, in, out, wrmsr)
  std::string needs_feature;              // "AVX512F", "SVE"; empty for the baseline
  // For `mov reg, reg` and simple loads: what the destination gets, for data-flow analysis.
  std::optional<RegisterId> copy_of;      // dest (writes[0]) = this register
  std::optional<uint64_t> constant;       // dest (writes[0]) = this value (mov imm, xor reg,reg)
  bool loads_destination = false;         // dest (writes[0]) = memory[0], possibly extended
  // dest (writes[0]) = base + index*scale + displacement as an address calculation (lea, add imm, adr)
  std::optional<MemoryOperand> address_of;

  Address next_pc() const { return pc + length; }
};

inline constexpr size_t kMaxInstructionLength = 15;

// Decodes the instruction at `pc` from `code` (which may hold more than one, or less: then kTruncated).
// kCorrupt: not a valid encoding; kUnsupported: valid but unknown to this decoder.
Result<Instruction> decode(Arch arch, ByteView code, Address pc);

// Does a return address `return_pc` follow a call instruction? `before` holds the bytes that end at return_pc.
bool follows_call(Arch arch, ByteView before, Address return_pc);

}  // namespace inquest::isa
