// One AArch64 instruction while it is being decoded: its fields, and where the answer is put
// together. Internal to this room. Encodings are those of the Arm Architecture Reference Manual
// (DDI 0487), chapter C4.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "binary/isa/decode.h"

namespace inquest::isa::a64 {

enum class Outcome : uint8_t {
  kDone,
  kUnallocated,  // no instruction has this encoding
  kUnknown,      // there may be one that we do not know
};

// What number 31 stands for in a register field.
enum class R31 : uint8_t { kZero, kStack };

class Decoding {
 public:
  Decoding(uint32_t word, Instruction& instruction) : out(instruction), word_(word) {}

  uint32_t word() const { return word_; }
  bool bit(unsigned n) const { return (word_ >> n & 1) != 0; }
  uint32_t bits(unsigned high, unsigned low) const {
    return word_ >> low & ((uint32_t{1} << (high - low + 1)) - 1);
  }
  int64_t signed_bits(unsigned high, unsigned low) const;
  bool matches(uint32_t mask, uint32_t value) const { return (word_ & mask) == value; }

  // The fields that nearly all instructions have.
  uint32_t rd() const { return bits(4, 0); }
  uint32_t rt() const { return bits(4, 0); }
  uint32_t rn() const { return bits(9, 5); }
  uint32_t rm() const { return bits(20, 16); }

  void say(std::string mnemonic, const std::string& operands = {});
  void read(uint32_t number, R31 meaning = R31::kZero);
  void write(uint32_t number, R31 meaning = R31::kZero);
  // The destination is a register that keeps what it gets: not xzr.
  bool keeps(uint32_t number, R31 meaning = R31::kZero) const {
    return number != 31 || meaning == R31::kStack;
  }

  Instruction& out;

 private:
  uint32_t word_;
};

// "x3", "w3", "sp", "wzr"
std::string gpr(uint32_t number, bool wide, R31 meaning = R31::kZero);
// "q3" for 16 bytes, "d3" for 8, …
std::string simd(uint32_t number, uint32_t bytes);
std::string hex(int64_t value);  // "#0x38", "#-0x10"

inline constexpr std::array<std::string_view, 16> kConditions = {
    "eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"};

// The groups of table C4-1. Each is in the file of the same name.
Outcome decode_branch(Decoding& d);
Outcome decode_system(Decoding& d);
Outcome decode_load_store(Decoding& d);      // a64_load_store.cc
Outcome decode_exclusive(Decoding& d);       // a64_atomic.cc: exclusives, acquire/release, cas
Outcome decode_atomic(Decoding& d);          // a64_atomic.cc: ldadd, swp, …
Outcome decode_structure(Decoding& d);       // a64_structure.cc: ld1 to ld4, st1 to st4
Outcome decode_special_memory(Decoding& d);  // a64_special_memory.cc: tags, memcpy, ldraa, ldapur
Outcome decode_immediate(Decoding& d);
Outcome decode_register(Decoding& d);
Outcome decode_simd(Decoding& d);
Outcome decode_sve(Decoding& d);

// A memory operand at [Rn + displacement].
MemoryOperand at_base(const Decoding& d, Access access, uint32_t size, int64_t displacement = 0);

}  // namespace inquest::isa::a64
