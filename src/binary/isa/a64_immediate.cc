// Data processing with an immediate on AArch64 (DDI 0487, C4.1.92), under the names that assemblers
// print.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "binary/isa/a64_decoding.h"

namespace inquest::isa::a64 {
namespace {

uint64_t cut(uint64_t value, bool wide) { return wide ? value : value & 0xffff'ffff; }

Outcome pc_relative(Decoding& d) {
  const bool pages = d.bit(31);
  const int64_t immediate = d.signed_bits(23, 5) * 4 + d.bits(30, 29);
  const uint64_t pc = d.out.pc.value;
  const uint64_t target = pages ? (pc & ~uint64_t{0xfff}) + static_cast<uint64_t>(immediate) * 4096
                                : pc + static_cast<uint64_t>(immediate);
  d.say(pages ? "adrp" : "adr", fmt::format("{}, {:#x}", gpr(d.rd(), true), target));
  d.write(d.rd());
  if (!d.keeps(d.rd())) return Outcome::kDone;
  MemoryOperand address;
  address.base = kPc;
  address.displacement = static_cast<int64_t>(target - pc);
  d.out.address_of = address;
  d.out.constant = target;
  return Outcome::kDone;
}

void add_sum_facts(Decoding& d, bool wide, int64_t amount, R31 destination) {
  if (!d.keeps(d.rd(), destination)) return;
  if (amount == 0 && wide) {
    d.out.copy_of = static_cast<RegisterId>(d.rn());
    return;
  }
  MemoryOperand address = at_base(d, Access::kRead, 0, amount);
  address.truncated32 = !wide;
  d.out.address_of = address;
}

Outcome add_subtract(Decoding& d) {
  const bool wide = d.bit(31), subtracts = d.bit(30), sets_flags = d.bit(29), shifted = d.bit(22);
  const R31 destination = sets_flags ? R31::kZero : R31::kStack;
  const uint32_t immediate = d.bits(21, 10);
  const auto rn = gpr(d.rn(), wide, R31::kStack), rd = gpr(d.rd(), wide, destination);
  const auto amount = hex(immediate) + (shifted ? ", lsl #12" : "");
  const bool compares = sets_flags && d.rd() == 31;
  const bool moves =
      !sets_flags && !subtracts && immediate == 0 && !shifted && (d.rd() == 31 || d.rn() == 31);
  if (compares) {
    d.say(subtracts ? "cmp" : "cmn", rn + ", " + amount);
  } else if (moves) {
    d.say("mov", rd + ", " + rn);
  } else {
    d.say(fmt::format("{}{}", subtracts ? "sub" : "add", sets_flags ? "s" : ""),
          rd + ", " + rn + ", " + amount);
  }
  d.read(d.rn(), R31::kStack);
  d.write(d.rd(), destination);
  const int64_t value = int64_t{immediate} << (shifted ? 12 : 0);
  if (sets_flags && subtracts) {
    d.out.compares = {.left = static_cast<RegisterId>(d.rn()),
                      .right_register = std::nullopt,
                      .right = static_cast<uint64_t>(value),
                      .bits = static_cast<uint8_t>(wide ? 64 : 32)};
  }
  add_sum_facts(d, wide, subtracts ? -value : value, destination);
  return Outcome::kDone;
}

Outcome add_tagged(Decoding& d) {
  if (!d.bit(31) || d.bit(29) || d.bit(22)) return Outcome::kUnallocated;
  d.say(d.bit(30) ? "subg" : "addg",
        fmt::format("{}, {}, {}, {}", gpr(d.rd(), true, R31::kStack),
                    gpr(d.rn(), true, R31::kStack), hex(d.bits(21, 16) * 16), hex(d.bits(13, 10))));
  d.read(d.rn(), R31::kStack);
  d.write(d.rd(), R31::kStack);
  d.out.needs_feature = "MTE";
  return Outcome::kDone;
}

// The pattern that N:immr:imms stand for: a run of ones, rotated, repeated over the register.
std::optional<uint64_t> bit_pattern(bool n, uint32_t immr, uint32_t imms, bool wide) {
  const uint32_t combined = uint32_t{n} << 6 | (~imms & 0x3f);
  if (combined == 0 || (n && !wide)) return std::nullopt;
  const auto length = static_cast<unsigned>(31 - __builtin_clz(combined));
  if (length < 1) return std::nullopt;
  const unsigned size = 1u << length;
  const unsigned ones = imms & (size - 1), rotation = immr & (size - 1);
  if (ones == size - 1) return std::nullopt;
  const uint64_t mask = size == 64 ? ~uint64_t{0} : (uint64_t{1} << size) - 1;
  uint64_t element = (uint64_t{1} << (ones + 1)) - 1;
  if (rotation != 0) element = (element >> rotation | element << (size - rotation)) & mask;
  for (unsigned filled = size; filled < 64; filled *= 2) element |= element << filled;
  return cut(element, wide);
}

// Could movz or movn make this value? Then `mov` means them and orr keeps its own name.
bool is_wide_move(uint64_t value, bool wide) {
  for (unsigned shift = 0; shift < (wide ? 64u : 32u); shift += 16) {
    const uint64_t part = uint64_t{0xffff} << shift;
    if ((value & ~part) == 0 || (cut(~value, wide) & ~part) == 0) return true;
  }
  return false;
}

Outcome logical(Decoding& d) {
  constexpr std::string_view kNames[] = {"and", "orr", "eor", "ands"};
  const bool wide = d.bit(31);
  const uint32_t operation = d.bits(30, 29);
  const auto pattern = bit_pattern(d.bit(22), d.bits(21, 16), d.bits(15, 10), wide);
  if (!pattern) return Outcome::kUnallocated;
  const R31 destination = operation == 3 ? R31::kZero : R31::kStack;
  const auto rd = gpr(d.rd(), wide, destination);
  const auto immediate = fmt::format("#{:#x}", *pattern);
  const bool from_zero = operation == 1 && d.rn() == 31;
  if (operation == 3 && d.rd() == 31) {
    d.say("tst", gpr(d.rn(), wide) + ", " + immediate);
  } else if (from_zero && !is_wide_move(*pattern, wide)) {
    d.say("mov", rd + ", " + immediate);
  } else {
    d.say(std::string(kNames[operation]), rd + ", " + gpr(d.rn(), wide) + ", " + immediate);
  }
  d.read(d.rn());
  d.write(d.rd(), destination);
  if (operation == 3 && d.rn() != 31) {
    d.out.compares = {.left = static_cast<RegisterId>(d.rn()),
                      .right_register = std::nullopt,
                      .right = 0,
                      .bits = static_cast<uint8_t>(wide ? 64 : 32),
                      .mask = *pattern};
  }
  if (!d.keeps(d.rd(), destination)) return Outcome::kDone;
  if (from_zero) d.out.constant = *pattern;
  const bool low_mask = (*pattern & (*pattern + 1)) == 0;
  if ((operation == 0 || operation == 3) && low_mask && d.rn() != 31) {
    d.out.copy_of = static_cast<RegisterId>(d.rn());
    d.out.copy_bits = static_cast<uint8_t>(__builtin_popcountll(*pattern));
    d.out.result_bits = wide ? 64 : 32;
  }
  return Outcome::kDone;
}

// movn, movz, movk
Outcome move_wide(Decoding& d) {
  const bool wide = d.bit(31);
  const uint32_t operation = d.bits(30, 29), shift = d.bits(22, 21) * 16, immediate = d.bits(20, 5);
  if (operation == 1 || (!wide && shift >= 32)) return Outcome::kUnallocated;
  const auto rd = gpr(d.rd(), wide);
  const uint64_t shifted = uint64_t{immediate} << shift;
  d.write(d.rd());
  if (operation == 3) {
    const std::string suffix = shift == 0 ? "" : fmt::format(", lsl #{}", shift);
    d.say("movk", fmt::format("{}, {}{}", rd, hex(immediate), suffix));
    d.read(d.rd());
    return Outcome::kDone;
  }
  const bool negated = operation == 0;
  const uint64_t value = cut(negated ? ~shifted : shifted, wide);
  const bool odd_zero = immediate == 0 && shift != 0;
  const bool odd_ones = negated && !wide && immediate == 0xffff;
  if (odd_zero || odd_ones) {
    d.say(negated ? "movn" : "movz",
          fmt::format("{}, {}{}", rd, hex(immediate),
                      shift == 0 ? "" : fmt::format(", lsl #{}", shift)));
  } else {
    d.say("mov", fmt::format("{}, #{:#x}", rd, value));
  }
  if (d.keeps(d.rd())) d.out.constant = value;
  return Outcome::kDone;
}

struct Bitfield {
  bool wide, is_signed;
  uint32_t rotate, last, width;  // immr, imms, register width
};

// Names and operands of sbfm and ubfm as sxtb, lsl, lsr, asr, sbfiz, ubfx, …
void say_extract(Decoding& d, const Bitfield& f) {
  const auto rd = gpr(d.rd(), f.wide), rn = gpr(d.rn(), f.wide);
  const std::string prefix = f.is_signed ? "s" : "u";
  const bool extends = f.rotate == 0 && (f.is_signed || !f.wide);
  if (f.last == f.width - 1) {
    return d.say(f.is_signed ? "asr" : "lsr", fmt::format("{}, {}, #{}", rd, rn, f.rotate));
  }
  if (!f.is_signed && f.last + 1 == f.rotate) {
    return d.say("lsl", fmt::format("{}, {}, #{}", rd, rn, f.width - f.rotate));
  }
  if (extends && (f.last == 7 || f.last == 15 || (f.last == 31 && f.is_signed))) {
    const char size = f.last == 7 ? 'b' : f.last == 15 ? 'h' : 'w';
    return d.say(prefix + "xt" + size, rd + ", " + gpr(d.rn(), false));
  }
  if (f.last < f.rotate) {
    return d.say(prefix + "bfiz",
                 fmt::format("{}, {}, #{}, #{}", rd, rn, f.width - f.rotate, f.last + 1));
  }
  d.say(prefix + "bfx", fmt::format("{}, {}, #{}, #{}", rd, rn, f.rotate, f.last - f.rotate + 1));
}

void say_insert(Decoding& d, const Bitfield& f) {
  const auto rd = gpr(d.rd(), f.wide), rn = gpr(d.rn(), f.wide);
  if (f.last >= f.rotate) {
    return d.say("bfxil", fmt::format("{}, {}, #{}, #{}", rd, rn, f.rotate, f.last - f.rotate + 1));
  }
  if (d.rn() == 31) {
    return d.say("bfc", fmt::format("{}, #{}, #{}", rd, f.width - f.rotate, f.last + 1));
  }
  d.say("bfi", fmt::format("{}, {}, #{}, #{}", rd, rn, f.width - f.rotate, f.last + 1));
}

Outcome bitfield(Decoding& d) {
  const uint32_t operation = d.bits(30, 29);
  const Bitfield f{d.bit(31), operation == 0, d.bits(21, 16), d.bits(15, 10),
                   d.bit(31) ? 64u : 32u};
  if (operation == 3 || d.bit(22) != f.wide) return Outcome::kUnallocated;
  if (!f.wide && (f.rotate > 31 || f.last > 31)) return Outcome::kUnallocated;
  d.read(d.rn());
  d.write(d.rd());
  if (operation == 1) {
    d.read(d.rd());
    say_insert(d, f);
    return Outcome::kDone;
  }
  say_extract(d, f);
  if (!d.keeps(d.rd()) || d.rn() == 31) return Outcome::kDone;
  const uint32_t shift = f.width - f.rotate;
  if (f.rotate == 0) {
    d.out.copy_of = static_cast<RegisterId>(d.rn());
    d.out.copy_bits = static_cast<uint8_t>(f.last + 1);
    d.out.sign_extended = f.is_signed;
    d.out.result_bits = static_cast<uint8_t>(f.width);
  } else if (!f.is_signed && f.last + 1 == f.rotate && shift <= 7) {
    MemoryOperand address;
    address.index = static_cast<RegisterId>(d.rn());
    address.scale = static_cast<uint8_t>(1u << shift);
    address.truncated32 = !f.wide;
    d.out.address_of = address;
  }
  return Outcome::kDone;
}

Outcome extract(Decoding& d) {
  const bool wide = d.bit(31);
  const uint32_t lowest = d.bits(15, 10);
  if (d.bits(30, 29) != 0 || d.bit(21) || d.bit(22) != wide || (!wide && lowest > 31)) {
    return Outcome::kUnallocated;
  }
  const auto rd = gpr(d.rd(), wide), rn = gpr(d.rn(), wide), rm = gpr(d.rm(), wide);
  if (d.rn() == d.rm()) {
    d.say("ror", fmt::format("{}, {}, #{}", rd, rn, lowest));
  } else {
    d.say("extr", fmt::format("{}, {}, {}, #{}", rd, rn, rm, lowest));
  }
  d.read(d.rn());
  d.read(d.rm());
  d.write(d.rd());
  return Outcome::kDone;
}

}  // namespace

Outcome decode_immediate(Decoding& d) {
  switch (d.bits(25, 23)) {
    case 0:
    case 1:
      return pc_relative(d);
    case 2:
      return add_subtract(d);
    case 3:
      return add_tagged(d);
    case 4:
      return logical(d);
    case 5:
      return move_wide(d);
    case 6:
      return bitfield(d);
    default:
      return extract(d);
  }
}

}  // namespace inquest::isa::a64
