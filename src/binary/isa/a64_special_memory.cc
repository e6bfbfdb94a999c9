// The rarer memory accesses of AArch64: authenticated loads, unscaled acquire and release, memory
// tags, memory copy and set (DDI 0487, C4.1.97).
#include <fmt/format.h>

#include <utility>

#include "binary/isa/a64_decoding.h"

namespace inquest::isa::a64 {
namespace {

std::string base_name(const Decoding& d) { return gpr(d.rn(), true, R31::kStack); }

// Bits 11 and 10 as tag stores have them: post-index, offset, pre-index.
std::string indexed_address(const Decoding& d, uint32_t form, int64_t offset) {
  if (form == 1) return fmt::format("[{}], {}", base_name(d), hex(offset));
  if (offset == 0 && form == 2) return fmt::format("[{}]", base_name(d));
  return fmt::format("[{}, {}]{}", base_name(d), hex(offset), form == 3 ? "!" : "");
}

// ldraa, ldrab: the base is authenticated first, so the address lacks the signature bits the
// register has.
Outcome authenticated_load(Decoding& d) {
  if (d.bits(31, 30) != 3) return Outcome::kUnallocated;
  const bool writes_back = d.bit(11);
  const int64_t sign = d.bit(22) ? -512 : 0;
  const int64_t offset = (sign + int64_t{d.bits(20, 12)}) * 8;
  d.say(d.bit(23) ? "ldrab" : "ldraa",
        fmt::format("{}, {}", gpr(d.rt(), true), indexed_address(d, writes_back ? 3 : 2, offset)));
  d.read(d.rn(), R31::kStack);
  d.write(d.rt());
  if (writes_back) d.write(d.rn(), R31::kStack);
  MemoryOperand operand = at_base(d, Access::kRead, 8, offset);
  operand.inexact = true;
  d.out.memory.push_back(operand);
  d.out.loads_destination = d.keeps(d.rt());
  d.out.needs_feature = "PAuth";
  return Outcome::kDone;
}

// stlur, ldapur and their sizes
Outcome unscaled_ordered(Decoding& d) {
  const uint32_t size = d.bits(31, 30), opc = d.bits(23, 22);
  constexpr std::string_view kUnsigned[] = {"b", "h", "", ""};
  constexpr std::string_view kSigned[] = {"sb", "sh", "sw"};
  const bool is_signed = opc >= 2;
  if (is_signed && (size == 3 || (size == 2 && opc == 3))) return Outcome::kUnallocated;
  const bool wide = is_signed ? opc == 2 : size == 3;
  const int64_t offset = d.signed_bits(20, 12);
  d.say(fmt::format("{}{}", opc == 0 ? "stlur" : "ldapur",
                    is_signed ? kSigned[size] : kUnsigned[size]),
        fmt::format("{}, {}", gpr(d.rt(), wide), indexed_address(d, 2, offset)));
  MemoryOperand operand = at_base(d, opc == 0 ? Access::kWrite : Access::kRead, 1u << size, offset);
  operand.required_alignment = operand.size;
  d.out.memory.push_back(operand);
  d.read(d.rn(), R31::kStack);
  if (opc == 0) {
    d.read(d.rt());
  } else {
    d.write(d.rt());
    d.out.loads_destination = d.keeps(d.rt());
    d.out.copy_bits = static_cast<uint8_t>(8u << size);
    d.out.sign_extended = is_signed;
    d.out.result_bits = wide ? 64 : 32;
  }
  d.out.needs_feature = "RCPC2";
  return Outcome::kDone;
}

// stg, stzg, st2g, stz2g, ldg, and the privileged forms for many tags
Outcome tags(Decoding& d) {
  constexpr std::string_view kStores[] = {"stg", "stzg", "st2g", "stz2g"};
  constexpr std::string_view kMany[] = {"stzgm", "ldg", "stgm", "ldgm"};
  const uint32_t operation = d.bits(23, 22), form = d.bits(11, 10);
  const int64_t offset = d.signed_bits(20, 12) * 16;
  d.out.needs_feature = "MTE";
  d.read(d.rn(), R31::kStack);
  if (form == 0) {
    const bool loads = (operation & 1) != 0, one = operation == 1;
    if (!one && offset != 0) return Outcome::kUnallocated;
    d.say(std::string(kMany[operation]),
          fmt::format("{}, {}", gpr(d.rt(), true), indexed_address(d, 2, offset)));
    d.out.memory.push_back(
        at_base(d, loads ? Access::kRead : Access::kWrite, one ? 16 : 0, offset));
    d.out.privileged = !one;
    if (one || !loads) d.read(d.rt());
    if (loads) d.write(d.rt());
    return Outcome::kDone;
  }
  d.say(std::string(kStores[operation]),
        fmt::format("{}, {}", gpr(d.rt(), true, R31::kStack), indexed_address(d, form, offset)));
  d.read(d.rt(), R31::kStack);
  d.out.memory.push_back(
      at_base(d, Access::kWrite, operation >= 2 ? 32 : 16, form == 1 ? 0 : offset));
  if (form != 2) d.write(d.rn(), R31::kStack);
  return Outcome::kDone;
}

// stgp: a pair of registers and the tag of their granule
Outcome tagged_pair(Decoding& d) {
  const uint32_t form = d.bits(24, 23), second = d.bits(14, 10);
  const int64_t offset = d.signed_bits(21, 15) * 16;
  d.say("stgp", fmt::format("{}, {}, {}", gpr(d.rt(), true), gpr(second, true),
                            indexed_address(d, form, offset)));
  d.read(d.rn(), R31::kStack);
  d.read(d.rt());
  d.read(second);
  d.out.memory.push_back(at_base(d, Access::kWrite, 16, form == 1 ? 0 : offset));
  if (form != 2) d.write(d.rn(), R31::kStack);
  d.out.needs_feature = "MTE";
  return Outcome::kDone;
}

// cpyp/cpym/cpye and setp/setm/sete: how much they touch is in a register that they count down.
Outcome copy_or_set(Decoding& d) {
  if (d.bits(31, 30) != 0) return Outcome::kUnallocated;
  const uint32_t phase = d.bits(23, 22);
  constexpr std::string_view kPhases[] = {"p", "m", "e"};
  const auto operand_at = [&](uint32_t number, Access access) {
    MemoryOperand operand = at_base(d, access, 0);
    operand.base = static_cast<RegisterId>(number);
    d.out.memory.push_back(operand);
  };
  d.out.needs_feature = "MOPS";
  const uint32_t source = d.rm(), count = d.rn(), destination = d.rd();
  if (phase == 3) {
    const uint32_t set_phase = d.bits(15, 14);
    if (set_phase == 3) return Outcome::kUnallocated;
    d.say(
        fmt::format("set{}{}", d.bit(26) ? "g" : "", kPhases[set_phase]),
        fmt::format("[{}]!, {}!, {}", gpr(destination, true), gpr(count, true), gpr(source, true)));
    operand_at(destination, Access::kWrite);
  } else {
    d.say(fmt::format("cpy{}{}", d.bit(26) ? "" : "f", kPhases[phase]),
          fmt::format("[{}]!, [{}]!, {}!", gpr(destination, true), gpr(source, true),
                      gpr(count, true)));
    operand_at(destination, Access::kWrite);
    operand_at(source, Access::kRead);
    d.write(source);
  }
  for (uint32_t number : {destination, source, count}) d.read(number);
  d.write(destination);
  d.write(count);
  return Outcome::kDone;
}

}  // namespace

Outcome decode_special_memory(Decoding& d) {
  if (d.matches(0x3f200400, 0x38200400)) return authenticated_load(d);
  if (d.matches(0x3f200c00, 0x19000000)) return unscaled_ordered(d);
  if (d.matches(0xff200000, 0xd9200000)) return tags(d);
  if (d.matches(0xfe400000, 0x68000000)) return tagged_pair(d);
  if (d.matches(0x3b200c00, 0x19000400)) return copy_or_set(d);
  return Outcome::kUnknown;
}

}  // namespace inquest::isa::a64
