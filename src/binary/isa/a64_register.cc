// Data processing between registers on AArch64 (DDI 0487, C4.1.93), under the names that assemblers
// print.
#include <fmt/format.h>

#include <utility>

#include "binary/isa/a64_decoding.h"

namespace inquest::isa::a64 {
namespace {

constexpr std::string_view kShifts[] = {"lsl", "lsr", "asr", "ror"};

// ", lsl #3", or nothing for a shift by zero to the left.
std::string shift_text(uint32_t kind, uint32_t amount) {
  if (kind == 0 && amount == 0) return {};
  return fmt::format(", {} #{}", kShifts[kind], amount);
}

void read_three(Decoding& d) {
  d.read(d.rn());
  d.read(d.rm());
  d.write(d.rd());
}

// orr with xzr is `mov`, a copy or zero.
void add_move_facts(Decoding& d, bool wide) {
  if (!d.keeps(d.rd())) return;
  if (d.rm() == 31) {
    d.out.constant = 0;
  } else {
    d.out.copy_of = static_cast<RegisterId>(d.rm());
    d.out.copy_bits = d.out.result_bits = wide ? 64 : 32;
  }
}

Outcome logical(Decoding& d) {
  constexpr std::string_view kNames[] = {"and", "bic", "orr", "orn", "eor", "eon", "ands", "bics"};
  const bool wide = d.bit(31);
  const uint32_t operation = d.bits(30, 29) << 1 | uint32_t{d.bit(21)};
  const uint32_t kind = d.bits(23, 22), amount = d.bits(15, 10);
  if (!wide && amount > 31) return Outcome::kUnallocated;
  const bool plain = kind == 0 && amount == 0;
  const auto rd = gpr(d.rd(), wide), rn = gpr(d.rn(), wide);
  const auto rm = gpr(d.rm(), wide) + shift_text(kind, amount);
  read_three(d);
  if (operation == 2 && plain && d.rn() == 31) {
    d.say("mov", rd + ", " + rm);
    add_move_facts(d, wide);
  } else if (operation == 3 && d.rn() == 31) {
    d.say("mvn", rd + ", " + rm);
  } else if (operation == 6 && d.rd() == 31) {
    d.say("tst", rn + ", " + rm);
  } else {
    d.say(std::string(kNames[operation]), fmt::format("{}, {}, {}", rd, rn, rm));
    if (operation == 4 && plain && d.rn() == d.rm() && d.keeps(d.rd())) d.out.constant = 0;
  }
  return Outcome::kDone;
}

// The sum as an address, when it is one: the index shifted left or extended by at most 7 bits.
void add_sum_facts(Decoding& d, bool wide, bool subtracts, uint32_t shift, R31 stack) {
  if (subtracts || shift > 7 || !d.keeps(d.rd(), stack) || d.rm() == 31) return;
  MemoryOperand address;
  if (d.keeps(d.rn(), stack)) address.base = static_cast<RegisterId>(d.rn());
  address.index = static_cast<RegisterId>(d.rm());
  address.scale = static_cast<uint8_t>(1u << shift);
  address.truncated32 = !wide;
  d.out.address_of = address;
}

Outcome add_subtract_shifted(Decoding& d) {
  const bool wide = d.bit(31), subtracts = d.bit(30), sets_flags = d.bit(29);
  const uint32_t kind = d.bits(23, 22), amount = d.bits(15, 10);
  if (kind == 3 || (!wide && amount > 31)) return Outcome::kUnallocated;
  const auto rd = gpr(d.rd(), wide), rn = gpr(d.rn(), wide);
  const auto rm = gpr(d.rm(), wide) + shift_text(kind, amount);
  const std::string suffix = sets_flags ? "s" : "";
  read_three(d);
  if (sets_flags && d.rd() == 31) {
    d.say(subtracts ? "cmp" : "cmn", rn + ", " + rm);
  } else if (subtracts && d.rn() == 31) {
    d.say("neg" + suffix, rd + ", " + rm);
  } else {
    d.say((subtracts ? "sub" : "add") + suffix, fmt::format("{}, {}, {}", rd, rn, rm));
  }
  if (sets_flags && subtracts && amount == 0 && d.rn() != 31) {
    Comparison comparison{.left = static_cast<RegisterId>(d.rn()),
                          .right_register = std::nullopt,
                          .right = 0,
                          .bits = static_cast<uint8_t>(wide ? 64 : 32)};
    if (d.rm() != 31) comparison.right_register = static_cast<RegisterId>(d.rm());
    d.out.compares = comparison;
  }
  if (kind == 0) add_sum_facts(d, wide, subtracts, amount, R31::kZero);
  if (subtracts && kind == 0 && amount == 0 && d.rn() == d.rm() && d.keeps(d.rd())) {
    d.out.constant = 0;
  }
  return Outcome::kDone;
}

Outcome add_subtract_extended(Decoding& d) {
  constexpr std::string_view kExtensions[] = {"uxtb", "uxth", "uxtw", "uxtx",
                                              "sxtb", "sxth", "sxtw", "sxtx"};
  const bool wide = d.bit(31), subtracts = d.bit(30), sets_flags = d.bit(29);
  const uint32_t option = d.bits(15, 13), shift = d.bits(12, 10);
  if (shift > 4 || d.bits(23, 22) != 0) return Outcome::kUnallocated;
  const R31 destination = sets_flags ? R31::kZero : R31::kStack;
  const auto rd = gpr(d.rd(), wide, destination), rn = gpr(d.rn(), wide, R31::kStack);
  std::string rm = gpr(d.rm(), wide && (option & 3) == 3);
  // With the stack pointer the full-width extension is written lsl.
  const bool uses_stack = d.rn() == 31 || (!sets_flags && d.rd() == 31);
  const bool is_lsl = uses_stack && option == (wide ? 3u : 2u);
  if (!is_lsl || shift != 0) {
    rm += fmt::format(", {}", is_lsl ? "lsl" : kExtensions[option]);
    if (shift != 0) rm += fmt::format(" #{}", shift);
  }
  d.read(d.rn(), R31::kStack);
  d.read(d.rm());
  d.write(d.rd(), destination);
  if (sets_flags && d.rd() == 31) {
    d.say(subtracts ? "cmp" : "cmn", rn + ", " + rm);
  } else {
    d.say(fmt::format("{}{}", subtracts ? "sub" : "add", sets_flags ? "s" : ""),
          fmt::format("{}, {}, {}", rd, rn, rm));
  }
  if ((option & 3) < 2 || !d.keeps(d.rd(), destination)) return Outcome::kDone;
  add_sum_facts(d, wide, subtracts, shift, R31::kStack);
  if (d.out.address_of) {
    d.out.address_of->index_zero_extend32 = option == 2 && wide;
    d.out.address_of->index_sign_extend32 = option == 6 && wide;
  }
  return Outcome::kDone;
}

// adc, sbc and their like; rmif, setf8, setf16
Outcome with_carry(Decoding& d) {
  if (d.bits(15, 10) != 0) {
    const bool rotates = d.matches(0xffe07c10, 0xba000400);
    const bool sets = d.matches(0xffffbc1f, 0x3a00080d);
    if (!rotates && !sets) return Outcome::kUnallocated;
    d.say(rotates     ? "rmif"
          : d.bit(14) ? "setf16"
                      : "setf8",
          rotates ? fmt::format("{}, #{}, #{}", gpr(d.rn(), true), d.bits(20, 15), d.bits(3, 0))
                  : gpr(d.rn(), false));
    d.read(d.rn());
    d.out.needs_feature = "FlagM";
    return Outcome::kDone;
  }
  const bool wide = d.bit(31), subtracts = d.bit(30);
  const std::string suffix = d.bit(29) ? "s" : "";
  const auto rd = gpr(d.rd(), wide), rn = gpr(d.rn(), wide), rm = gpr(d.rm(), wide);
  read_three(d);
  if (subtracts && d.rn() == 31) {
    d.say("ngc" + suffix, rd + ", " + rm);
  } else {
    d.say((subtracts ? "sbc" : "adc") + suffix, fmt::format("{}, {}, {}", rd, rn, rm));
  }
  return Outcome::kDone;
}

Outcome conditional_compare(Decoding& d) {
  if (!d.bit(29) || d.bit(10) || d.bit(4)) return Outcome::kUnallocated;
  const bool wide = d.bit(31), immediate = d.bit(11);
  const auto second = immediate ? hex(d.rm()) : gpr(d.rm(), wide);
  d.say(d.bit(30) ? "ccmp" : "ccmn", fmt::format("{}, {}, {}, {}", gpr(d.rn(), wide), second,
                                                 hex(d.bits(3, 0)), kConditions[d.bits(15, 12)]));
  d.read(d.rn());
  if (!immediate) d.read(d.rm());
  return Outcome::kDone;
}

// csel, csinc, csinv, csneg; cset, cinc, … when both sources are the same register
Outcome conditional_select(Decoding& d) {
  if (d.bit(29) || d.bit(11)) return Outcome::kUnallocated;
  const bool wide = d.bit(31);
  const uint32_t kind = uint32_t{d.bit(30)} << 1 | uint32_t{d.bit(10)}, condition = d.bits(15, 12);
  constexpr std::string_view kNames[] = {"csel", "csinc", "csinv", "csneg"};
  const auto rd = gpr(d.rd(), wide), rn = gpr(d.rn(), wide), rm = gpr(d.rm(), wide);
  const auto inverted = kConditions[condition ^ 1];
  const bool same = d.rn() == d.rm() && condition < 14;
  read_three(d);
  if (same && d.rn() == 31 && (kind == 1 || kind == 2)) {
    d.say(kind == 1 ? "cset" : "csetm", fmt::format("{}, {}", rd, inverted));
  } else if (same && kind != 0 && (d.rn() != 31 || kind == 3)) {
    d.say(kind == 1   ? "cinc"
          : kind == 2 ? "cinv"
                      : "cneg",
          fmt::format("{}, {}, {}", rd, rn, inverted));
  } else {
    d.say(std::string(kNames[kind]),
          fmt::format("{}, {}, {}, {}", rd, rn, rm, kConditions[condition]));
  }
  return Outcome::kDone;
}

Outcome crc(Decoding& d) {
  const uint32_t size = d.bits(11, 10);
  if ((size == 3) != d.bit(31)) return Outcome::kUnallocated;
  d.say(fmt::format("crc32{}{}", d.bit(12) ? "c" : "", "bhwx"[size]),
        fmt::format("{}, {}, {}", gpr(d.rd(), false), gpr(d.rn(), false), gpr(d.rm(), size == 3)));
  read_three(d);
  d.out.needs_feature = "CRC32";
  return Outcome::kDone;
}

// irg, gmi, subp: pointers with tags
Outcome tag_arithmetic(Decoding& d, std::string_view name, R31 destination, R31 second) {
  if (!d.bit(31)) return Outcome::kUnallocated;
  d.say(std::string(name), fmt::format("{}, {}, {}", gpr(d.rd(), true, destination),
                                       gpr(d.rn(), true, R31::kStack), gpr(d.rm(), true, second)));
  d.read(d.rn(), R31::kStack);
  d.read(d.rm(), second);
  d.write(d.rd(), destination);
  d.out.needs_feature = "MTE";
  return Outcome::kDone;
}

Outcome two_sources(Decoding& d) {
  constexpr std::string_view kMinMax[] = {"smax", "umax", "smin", "umin"};
  const bool wide = d.bit(31);
  const uint32_t opcode = d.bits(15, 10);
  const auto say = [&](std::string_view name, std::string_view feature = {}) {
    d.say(std::string(name),
          fmt::format("{}, {}, {}", gpr(d.rd(), wide), gpr(d.rn(), wide), gpr(d.rm(), wide)));
    read_three(d);
    d.out.needs_feature = feature;
    return Outcome::kDone;
  };
  if (d.bit(29) && opcode != 0) return Outcome::kUnallocated;
  switch (opcode) {
    case 0:
      return tag_arithmetic(d, d.bit(29) ? "subps" : "subp", R31::kZero, R31::kStack);
    case 2:
      return say("udiv");
    case 3:
      return say("sdiv");
    case 4:
      return tag_arithmetic(d, "irg", R31::kStack, R31::kZero);
    case 5:
      return tag_arithmetic(d, "gmi", R31::kZero, R31::kZero);
    case 8:
    case 9:
    case 10:
    case 11:
      return say(kShifts[opcode - 8]);
    case 12:
      return wide ? say("pacga", "PAuth") : Outcome::kUnallocated;
    default:
      break;
  }
  if (opcode >= 16 && opcode < 24) return crc(d);
  if (opcode >= 24 && opcode < 28) return say(kMinMax[opcode - 24], "CSSC");
  return Outcome::kUnallocated;
}

// pacia, autdb, paciza, xpaci, …: they change the pointer in place.
Outcome authenticate(Decoding& d) {
  const uint32_t opcode = d.bits(15, 10);
  if (!d.bit(31) || opcode > 17) return Outcome::kUnallocated;
  d.out.needs_feature = "PAuth";
  d.read(d.rd());
  d.write(d.rd());
  const auto rd = gpr(d.rd(), true);
  if (opcode >= 16) {
    d.say(opcode == 16 ? "xpaci" : "xpacd", rd);
    return Outcome::kDone;
  }
  constexpr std::string_view kKeys[] = {"ia", "ib", "da", "db"};
  const std::string_view stem = (opcode & 4) != 0 ? "aut" : "pac";
  const auto key = kKeys[opcode & 3];
  if (opcode >= 8) {
    d.say(fmt::format("{}{}z{}", stem, key[0], key[1]), rd);
    return Outcome::kDone;
  }
  d.say(fmt::format("{}{}", stem, key), rd + ", " + gpr(d.rn(), true, R31::kStack));
  d.read(d.rn(), R31::kStack);
  return Outcome::kDone;
}

Outcome one_source(Decoding& d) {
  if (d.bit(29)) return Outcome::kUnallocated;
  if (d.rm() == 1) return authenticate(d);
  const bool wide = d.bit(31);
  constexpr std::string_view kNames[] = {"rbit", "rev16", "rev", "rev", "clz",
                                         "cls",  "ctz",   "cnt", "abs"};
  const uint32_t opcode = d.bits(15, 10);
  if (d.rm() != 0 || opcode > 8 || (opcode == 3 && !wide)) return Outcome::kUnallocated;
  const std::string name = opcode == 2 && wide ? "rev32" : std::string(kNames[opcode]);
  d.say(name, gpr(d.rd(), wide) + ", " + gpr(d.rn(), wide));
  if (opcode >= 6) d.out.needs_feature = "CSSC";
  d.read(d.rn());
  d.write(d.rd());
  return Outcome::kDone;
}

// madd, msub, smaddl, umulh, …
Outcome three_sources(Decoding& d) {
  const bool wide = d.bit(31), subtracts = d.bit(15);
  const uint32_t kind = d.bits(23, 21), addend = d.bits(14, 10);
  if (d.bits(30, 29) != 0 || (kind != 0 && !wide)) return Outcome::kUnallocated;
  const auto rd = gpr(d.rd(), wide);
  read_three(d);
  d.read(addend);
  if (kind == 2 || kind == 6) {
    if (subtracts) return Outcome::kUnallocated;
    d.say(kind == 2 ? "smulh" : "umulh",
          fmt::format("{}, {}, {}", rd, gpr(d.rn(), true), gpr(d.rm(), true)));
    return Outcome::kDone;
  }
  if (kind != 0 && kind != 1 && kind != 5) return Outcome::kUnallocated;
  const bool is_long = kind != 0;
  const std::string sign = kind == 1 ? "s" : kind == 5 ? "u" : "";
  const std::string tail = is_long ? "l" : "";
  const auto factors =
      fmt::format("{}, {}, {}", rd, gpr(d.rn(), wide && !is_long), gpr(d.rm(), wide && !is_long));
  if (addend == 31) {
    d.say(sign + (subtracts ? "mneg" : "mul") + tail, factors);
  } else {
    d.say(sign + (subtracts ? "msub" : "madd") + tail, factors + ", " + gpr(addend, wide));
  }
  return Outcome::kDone;
}

}  // namespace

Outcome decode_register(Decoding& d) {
  const uint32_t op2 = d.bits(24, 21);
  if (!d.bit(28)) {
    if (op2 < 8) return logical(d);
    return (op2 & 1) == 0 ? add_subtract_shifted(d) : add_subtract_extended(d);
  }
  if (op2 >= 8) return three_sources(d);
  switch (op2) {
    case 0:
      return with_carry(d);
    case 2:
      return conditional_compare(d);
    case 4:
      return conditional_select(d);
    case 6:
      return d.bit(30) ? one_source(d) : two_sources(d);
    default:
      return Outcome::kUnallocated;
  }
}

}  // namespace inquest::isa::a64
