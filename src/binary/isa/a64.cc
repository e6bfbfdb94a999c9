#include "binary/isa/a64.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "binary/isa/a64_decoding.h"

namespace inquest::isa {
namespace a64 {

int64_t Decoding::signed_bits(unsigned high, unsigned low) const {
  const unsigned width = high - low + 1;
  const uint64_t sign = uint64_t{1} << (width - 1);
  return static_cast<int64_t>((bits(high, low) ^ sign) - sign);
}

void Decoding::say(std::string mnemonic, const std::string& operands) {
  out.text = mnemonic;
  if (!operands.empty()) out.text.append(" ").append(operands);
  out.mnemonic = std::move(mnemonic);
}

void Decoding::read(uint32_t number, R31 meaning) {
  const auto id = static_cast<RegisterId>(number);
  if (!keeps(number, meaning)) return;
  if (std::find(out.reads.begin(), out.reads.end(), id) == out.reads.end()) out.reads.push_back(id);
}

void Decoding::write(uint32_t number, R31 meaning) {
  const auto id = static_cast<RegisterId>(number);
  if (!keeps(number, meaning)) return;
  if (std::find(out.writes.begin(), out.writes.end(), id) == out.writes.end()) {
    out.writes.push_back(id);
  }
}

std::string gpr(uint32_t number, bool wide, R31 meaning) {
  if (number != 31) return fmt::format("{}{}", wide ? 'x' : 'w', number);
  if (meaning == R31::kStack) return wide ? "sp" : "wsp";
  return wide ? "xzr" : "wzr";
}

std::string simd(uint32_t number, uint32_t bytes) {
  const char letter = bytes == 1   ? 'b'
                      : bytes == 2 ? 'h'
                      : bytes == 4 ? 's'
                      : bytes == 8 ? 'd'
                                   : 'q';
  return fmt::format("{}{}", letter, number);
}

std::string hex(int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  return value < 0 ? fmt::format("#-{:#x}", 0 - bits) : fmt::format("#{:#x}", bits);
}

MemoryOperand at_base(const Decoding& d, Access access, uint32_t size, int64_t displacement) {
  MemoryOperand operand;
  operand.access = access;
  operand.size = size;
  operand.base = static_cast<RegisterId>(d.rn());
  operand.displacement = displacement;
  return operand;
}

namespace {

// Bits 28 to 25 choose the group (table C4-1).
Outcome decode_group(Decoding& d) {
  switch (d.bits(28, 25)) {
    case 0b0000:
      if (!d.matches(0xffff0000, 0)) return d.bit(31) ? Outcome::kUnknown : Outcome::kUnallocated;
      d.say("udf", hex(d.bits(15, 0)));
      d.out.flow = Flow::kTrap;
      return Outcome::kDone;
    case 0b0010:
      return decode_sve(d);
    case 0b1000:
    case 0b1001:
      return decode_immediate(d);
    case 0b1010:
    case 0b1011:
      return d.matches(0xff000000, 0xd5000000) ? decode_system(d) : decode_branch(d);
    case 0b0100:
    case 0b0110:
    case 0b1100:
    case 0b1110:
      return decode_load_store(d);
    case 0b0101:
    case 0b1101:
      return decode_register(d);
    case 0b0111:
    case 0b1111:
      return decode_simd(d);
    default:
      return Outcome::kUnallocated;
  }
}

}  // namespace
}  // namespace a64

Result<Instruction> decode_a64(ByteView code, Address pc) {
  const auto word = load<uint32_t>(code);
  if (!word) return Error(ErrorCode::kTruncated, "fewer than four bytes to decode");
  Instruction out;
  out.pc = pc;
  out.length = 4;
  a64::Decoding decoding(*word, out);
  switch (a64::decode_group(decoding)) {
    case a64::Outcome::kDone:
      return out;
    case a64::Outcome::kUnallocated:
      return Error(ErrorCode::kCorrupt, "not a valid AArch64 instruction");
    case a64::Outcome::kUnknown:
      break;
  }
  return Error(ErrorCode::kUnsupported, "an AArch64 instruction this decoder does not know");
}

bool follows_call_a64(ByteView before) {
  if (before.size() < 4) return false;
  const auto word = load<uint32_t>(before, before.size() - 4);
  const bool bl = (*word & 0xfc000000) == 0x94000000;
  const bool blr = (*word & 0xfffffc1f) == 0xd63f0000;
  const bool authenticated = (*word & 0xfffff800) == 0xd73f0800;  // blraa, blrab
  const bool with_zero = (*word & 0xfffff81f) == 0xd63f081f;      // blraaz, blrabz
  return bl || blr || authenticated || with_zero;
}

}  // namespace inquest::isa
