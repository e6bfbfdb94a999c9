// SVE, recognised: what it loads and stores through which base register, and which general
// registers it touches (DDI 0487, C4.1.95). How much memory is touched depends on the vector length
// and the predicate: size 0.
#include <fmt/format.h>

#include "binary/isa/a64_decoding.h"

namespace inquest::isa::a64 {
namespace {

Outcome by_class(Decoding& d, std::string_view name) {
  d.out.mnemonic = name;
  d.out.text = fmt::format(".inst {:#010x} ; {}", d.word(), name);
  d.out.needs_feature = "SVE";
  return Outcome::kDone;
}

bool is_prefetch(const Decoding& d) {
  const bool low_clear = !d.bit(15) && !d.bit(4);
  switch (d.bits(31, 25)) {
    case 0b1000010:
      if (d.bits(24, 22) == 7) return low_clear;                       // scalar plus immediate
      if (d.bits(24, 23) == 0 && d.bit(21)) return low_clear;          // 32-bit offsets
      return d.bits(22, 21) == 0 && d.bits(15, 14) == 3 && !d.bit(4);  // scalar or vector base
    case 0b1100010:
      if (d.bits(24, 23) == 0 && d.bit(21)) return !d.bit(4) && (low_clear || d.bit(22));
      return d.bits(22, 21) == 0 && d.bits(15, 13) == 7 && !d.bit(4);
    default:
      return false;
  }
}

// [z1.d, #8], [z1.d, x2]: the addresses are in the vector.
bool has_vector_base(const Decoding& d) {
  const bool gathers = d.bits(31, 25) == 0b1000010 || d.bits(31, 25) == 0b1100010;
  if (gathers) {
    const bool immediate = d.bits(22, 21) == 1 && d.bit(15);
    const bool non_temporal = d.bits(22, 21) == 0 && d.bits(31, 25) == 0b1000010
                                  ? d.bits(15, 14) == 2 && d.bits(24, 22) != 6
                                  : d.bits(22, 21) == 0 && d.bits(15, 14) == 2 && !d.bit(13);
    return immediate || non_temporal;
  }
  if (d.bits(31, 25) != 0b1110010) return false;
  const bool immediate = d.bits(15, 13) == 5 && d.bit(22);
  const bool non_temporal = d.bits(15, 13) == 1 && !d.bit(21);
  return immediate || non_temporal;
}

// Loads and stores whose second address part is the general register Rm.
bool has_register_index(const Decoding& d) {
  const uint32_t form = d.bits(15, 13);
  switch (d.bits(31, 25)) {
    case 0b1010010:
      return form == 0 || form == 2 || form == 3 || form == 6;
    case 0b1110010:
      return (form == 2 && d.bits(24, 22) != 6) || form == 3;
    default:
      return false;
  }
}

// The address is the base register alone: no index, no offset in vector lengths.
bool is_base_alone(const Decoding& d) {
  const bool first_group = d.bits(31, 25) == 0b1000010;
  const bool stores = d.bits(31, 25) == 0b1110010;
  const bool whole_register =
      (first_group || stores) && d.bits(24, 22) == 6 && !d.bit(15) && !d.bit(13);
  if (whole_register) return d.bits(21, 16) == 0 && d.bits(12, 10) == 0;
  if (first_group) return d.bit(22) && d.bit(15) && d.bits(21, 16) == 0;  // ld1r
  if (d.bits(31, 25) == 0b1010010) return !has_register_index(d) && d.bits(19, 16) == 0;
  return stores && d.bits(15, 13) == 7 && d.bits(19, 16) == 0;
}

Outcome memory(Decoding& d, Access access) {
  if (is_prefetch(d)) return by_class(d, "sve-prefetch");
  MemoryOperand operand;
  operand.access = access;
  if (!has_vector_base(d)) {
    operand.base = static_cast<RegisterId>(d.rn());
    d.read(d.rn(), R31::kStack);
    if (has_register_index(d)) d.read(d.rm());
  }
  operand.inexact = !operand.base || !is_base_alone(d);
  d.out.memory.push_back(operand);
  return by_class(d, access == Access::kRead ? "sve-load" : "sve-store");
}

// What touches general registers: {mask, value, destination is Rd, Rd is read too, source is Rn at
// bits 9-5 or 20-16}.
struct General {
  uint32_t mask, value;
  std::string_view name;
  bool writes, reads_destination;
  int source_low, second_low;  // lowest bit of a source field, -1 for none
  bool stack;                  // 31 is sp
};

constexpr General kGeneral[] = {
    {0xffe0f800, 0x04205000, "addvl", true, false, 16, -1, true},
    {0xffe0f800, 0x04605000, "addpl", true, false, 16, -1, true},
    {0xfffff800, 0x04bf5000, "rdvl", true, false, -1, -1, false},
    {0xff30fc00, 0x0420e000, "cnt", true, false, -1, -1, false},
    {0xff30f800, 0x0430e000, "inc/dec", true, true, -1, -1, false},
    {0xff20f000, 0x0420f000, "sqinc/uqdec", true, true, -1, -1, false},
    {0xff3fc200, 0x25208000, "cntp", true, false, -1, -1, false},
    {0xff3ef800, 0x252c8800, "incp/decp", true, true, -1, -1, false},
    {0xff3cf800, 0x25288800, "sqincp/uqdecp", true, true, -1, -1, false},
    {0xff3ee000, 0x0520a000, "last", true, false, -1, -1, false},
    {0xff3ee000, 0x0530a000, "clast", true, true, -1, -1, false},
    {0xff20e000, 0x25200000, "while", false, false, 5, 16, false},
    {0xffa0fc00, 0x25a02000, "cterm", false, false, 5, 16, false},
    {0xff3ffc00, 0x05203800, "mov", false, false, 5, -1, true},
    {0xff3ffc00, 0x05243800, "insr", false, false, 5, -1, false},
    {0xff3fe000, 0x0528a000, "mov", false, false, 5, -1, true},
    {0xff20fc00, 0x04204400, "index", false, false, 5, -1, false},
    {0xff20fc00, 0x04204800, "index", false, false, 16, -1, false},
    {0xff20fc00, 0x04204c00, "index", false, false, 5, 16, false},
};

Outcome general(Decoding& d) {
  for (const General& known : kGeneral) {
    if (!d.matches(known.mask, known.value)) continue;
    const R31 meaning = known.stack ? R31::kStack : R31::kZero;
    for (int low : {known.source_low, known.second_low}) {
      if (low >= 0)
        d.read(d.bits(static_cast<unsigned>(low) + 4, static_cast<unsigned>(low)), meaning);
    }
    if (known.reads_destination) d.read(d.rd());
    if (known.writes) d.write(d.rd(), meaning);
    return by_class(d, fmt::format("sve-{}", known.name));
  }
  return by_class(d, "sve");
}

}  // namespace

Outcome decode_sve(Decoding& d) {
  switch (d.bits(31, 29)) {
    case 0b100:
    case 0b101:
    case 0b110:
      return memory(d, Access::kRead);
    case 0b111:
      return memory(d, Access::kWrite);
    default:
      return general(d);
  }
}

}  // namespace inquest::isa::a64
