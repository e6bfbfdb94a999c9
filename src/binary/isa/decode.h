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
  kNext,    // goes on with the next instruction
  kJump,    // unconditional
  kBranch,  // conditional
  kCall,
  kReturn,
  kTrap,  // ud2, int3, hlt, brk, udf: meant to stop here
  kSystemCall,
};

// [segment: base + index * scale + displacement]; on AArch64 `index` may be extended and shifted.
// Parts that are absent are nullopt; for rip- or pc-relative operands `base` is the pc register.
struct MemoryOperand {
  Access access = Access::kRead;
  // Bytes touched; 0 when that depends on registers: rep movs, xsave, gather and scatter, bit
  // strings
  // (`bt [m], reg`), xlat, SVE.
  uint32_t size = 0;
  std::optional<RegisterId> base;
  std::optional<RegisterId> index;
  uint8_t scale = 1;
  bool index_sign_extend32 = false;  // AArch64 sxtw
  bool index_zero_extend32 = false;  // AArch64 uxtw, x86 32-bit address size
  bool truncated32 = false;  // the sum is cut to 32 bits: x86 32-bit addresses, 32-bit lea or add
  int64_t displacement = 0;
  std::optional<RegisterId> segment_base;  // kFsBase or kGsBase
  // The parts here are not the whole address, and effective_address() gives none: gather, scatter,
  // bit strings, xlat, SVE offsets in vector lengths, ldraa (the base is signed).
  bool inexact = false;
  bool implicit = false;  // not in the text: stack slots of push, call, ret; string instructions
  uint32_t required_alignment = 1;  // more than 1 when a misaligned address faults (movaps: 16)

  // The address this operand meant, given the registers before the instruction; `next_pc` is the
  // address of the following instruction. nullopt when a register it needs is unknown, or
  // `inexact`.
  std::optional<Address> effective_address(const RegisterFile& registers, Address next_pc) const;
};

// Where a call or jump goes: exactly one of these is set for kCall, kJump and kBranch.
struct BranchTarget {
  std::optional<Address> direct;
  std::optional<RegisterId> through_register;
  bool through_memory = false;  // then the first explicit memory operand holds the pointer
};

// How two numbers stand to each other.
enum class Relation : uint8_t {
  kEqual,
  kNotEqual,
  kBelow,  // unsigned, up to kAbove
  kBelowEqual,
  kAboveEqual,
  kAbove,
  kLess,  // signed, up to kGreater
  kLessEqual,
  kGreaterEqual,
  kGreater,
};
Relation opposite(Relation relation);
// Of the low `bits` bits of both.
bool holds(Relation relation, uint64_t left, uint64_t right, unsigned bits);

// What `cmp`, `test` and cbz, tbz compare: a register, or memory[0], with a register or a constant.
struct Comparison {
  std::optional<RegisterId> left;  // nullopt: memory[0]
  std::optional<RegisterId> right_register;
  uint64_t right = 0;  // without right_register
  uint8_t bits = 64;
  uint64_t mask = ~uint64_t{0};  // other bits of the left side do not count: `test eax, 1`, tbz
};

struct Instruction {
  Address pc;
  uint8_t length = 0;
  std::string mnemonic;  // "mov", "ldr"
  std::string text;      // Intel syntax / Arm syntax: "mov eax, dword ptr [rdi+0x38]"
  Flow flow = Flow::kNext;
  BranchTarget target;
  // Explicit operands first; address-only uses (lea, nop, prefetch) left out.
  std::vector<MemoryOperand> memory;
  // Integer registers by their 64-bit name; address parts included; the pc and the flags left out.
  // A write that keeps part of the old value (mov al, cmov, movk) is a read as well.
  std::vector<RegisterId> reads;
  std::vector<RegisterId> writes;              // the explicit destination first
  bool divides = false;                        // div, idiv: may raise #DE (never on AArch64)
  std::optional<RegisterId> divisor_register;  // nullopt: the divisor is the memory operand
  uint8_t divisor_bits = 0;                    // 8, 16, 32 or 64 when `divides`
  bool privileged = false;                     // raises #GP in user mode (hlt, in, out, wrmsr)
  std::string needs_feature;                   // "AVX512F", "SVE"; empty for the baseline
  // For `mov reg, reg`, `and` of low bits and simple loads: what the destination gets, for
  // data-flow analysis.
  std::optional<RegisterId> copy_of;  // dest (writes[0]) = this register
  std::optional<uint64_t> constant;   // dest (writes[0]) = this value (mov imm, xor reg,reg)
  bool loads_destination = false;     // dest (writes[0]) = memory[0], possibly extended
  // How the value of copy_of or memory[0] arrives: its low copy_bits bits, extended with zeros or,
  // when sign_extended (movsx, ldrsw), with its top bit to result_bits; higher bits become zero.
  // extended() does that.
  uint8_t copy_bits = 64;
  uint8_t result_bits = 64;
  bool sign_extended = false;
  // ldp, stp of integer registers: memory[0] covers both halves. nullopt is the zero register.
  struct Pair {
    std::optional<RegisterId> first;
    std::optional<RegisterId> second;
  };
  std::optional<Pair> pair;
  // AArch64: what a pre- or post-indexed access adds to its base register when it is done.
  std::optional<int64_t> writeback;
  // dest (writes[0]) = base + index*scale + displacement, computed and not accessed (lea, add, adr)
  std::optional<MemoryOperand> address_of;

  // Plain stores (mov, push, str): memory[0] gets the low bits of this register, or this constant.
  std::optional<RegisterId> stores_register;
  std::optional<uint64_t> stores_constant;
  std::optional<Comparison> compares;
  // A conditional branch goes to its target when what was last compared stands so. cbz and cbnz
  // compare themselves.
  std::optional<Relation> branches_when;

  Address next_pc() const { return pc + length; }
  // The value writes[0] gets when copy_of, or the memory, held `source`.
  uint64_t extended(uint64_t source) const;
};

// An AArch64 pair, or an access that moves its base, as what it does one after the other: plain
// instructions with the same pc, text and length, the base changed last. Any other instruction is
// its own only step.
std::vector<Instruction> steps_of(const Instruction& instruction);

inline constexpr size_t kMaxInstructionLength = 15;

// Decodes the instruction at `pc` from `code` (which may hold more than one, or less: then
// kTruncated). kCorrupt: not a valid encoding; kUnsupported: valid but unknown to this decoder.
Result<Instruction> decode(Arch arch, ByteView code, Address pc);

// Does a return address `return_pc` follow a call instruction? `before` holds the bytes that end at
// return_pc.
bool follows_call(Arch arch, ByteView before, Address return_pc);

}  // namespace inquest::isa
