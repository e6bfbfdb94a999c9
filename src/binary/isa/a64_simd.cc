// Floating point and SIMD on AArch64 (DDI 0487, C4.1.96), as far as a crash needs it: which integer
// registers are read and written, and the names of the common scalar instructions. The rest is
// shown as its word and class.
#include <fmt/format.h>

#include <utility>

#include "binary/isa/a64_decoding.h"

namespace inquest::isa::a64 {
namespace {

Outcome by_class(Decoding& d, std::string_view name) {
  d.out.mnemonic = name;
  d.out.text = fmt::format(".inst {:#010x} ; {}", d.word(), name);
  return Outcome::kDone;
}

// Bytes of the scalar type in bits 23 and 22; 0 when it is none.
uint32_t scalar_bytes(const Decoding& d) {
  constexpr uint32_t kBytes[] = {4, 8, 0, 2};
  return kBytes[d.bits(23, 22)];
}

// fmov, fcvtzs, scvtf and their like between an integer and a floating point register
Outcome convert_integer(Decoding& d) {
  const uint32_t mode = d.bits(20, 19), opcode = d.bits(18, 16);
  const bool wide = d.bit(31), upper_half = d.bits(23, 22) == 2;
  const bool from_general = opcode == 2 || opcode == 3 || opcode == 7;
  const uint32_t bytes = upper_half ? 8 : scalar_bytes(d);
  std::string name;
  if (opcode >= 6) {
    name = mode == 3 ? "fjcvtzs" : "fmov";
  } else if (opcode == 2 || opcode == 3) {
    name = opcode == 2 ? "scvtf" : "ucvtf";
  } else {
    const char rounding = opcode >= 4 ? 'a' : "npmz"[mode];
    name = fmt::format("fcvt{}{}", rounding, (opcode & 1) != 0 ? 'u' : 's');
  }
  const auto vector = [&](uint32_t number) {
    return upper_half ? fmt::format("v{}.d[1]", number) : simd(number, bytes);
  };
  if (bytes == 0) return Outcome::kUnallocated;
  if (from_general) {
    d.say(std::move(name), vector(d.rd()) + ", " + gpr(d.rn(), wide));
    d.read(d.rn());
  } else {
    d.say(std::move(name), gpr(d.rd(), wide) + ", " + vector(d.rn()));
    d.write(d.rd());
  }
  return Outcome::kDone;
}

Outcome convert_fixed(Decoding& d) {
  const uint32_t bytes = scalar_bytes(d), opcode = d.bits(18, 16);
  const bool wide = d.bit(31), from_general = opcode == 2 || opcode == 3;
  if (bytes == 0 || opcode > 3) return Outcome::kUnallocated;
  const uint32_t fraction = 64 - d.bits(15, 10);
  if (from_general) {
    d.say(opcode == 2 ? "scvtf" : "ucvtf",
          fmt::format("{}, {}, #{}", simd(d.rd(), bytes), gpr(d.rn(), wide), fraction));
    d.read(d.rn());
  } else {
    d.say(opcode == 0 ? "fcvtzs" : "fcvtzu",
          fmt::format("{}, {}, #{}", gpr(d.rd(), wide), simd(d.rn(), bytes), fraction));
    d.write(d.rd());
  }
  return Outcome::kDone;
}

Outcome one_source(Decoding& d, uint32_t bytes) {
  constexpr std::string_view kNames[] = {"fmov",   "fabs", "fneg",   "fsqrt",  "fcvt",   "fcvt",
                                         "",       "fcvt", "frintn", "frintp", "frintm", "frintz",
                                         "frinta", "",     "frintx", "frinti"};
  const uint32_t opcode = d.bits(20, 15);
  if (opcode > 15 || kNames[opcode].empty()) return by_class(d, "fp");
  constexpr uint32_t kTo[] = {4, 8, 0, 2};
  const uint32_t result = opcode >= 4 && opcode <= 7 ? kTo[opcode & 3] : bytes;
  d.say(std::string(kNames[opcode]), simd(d.rd(), result) + ", " + simd(d.rn(), bytes));
  return Outcome::kDone;
}

Outcome two_sources(Decoding& d, uint32_t bytes) {
  constexpr std::string_view kNames[] = {"fmul", "fdiv",   "fadd",   "fsub", "fmax",
                                         "fmin", "fmaxnm", "fminnm", "fnmul"};
  const uint32_t opcode = d.bits(15, 12);
  if (opcode > 8) return Outcome::kUnallocated;
  d.say(std::string(kNames[opcode]),
        fmt::format("{}, {}, {}", simd(d.rd(), bytes), simd(d.rn(), bytes), simd(d.rm(), bytes)));
  return Outcome::kDone;
}

Outcome compare(Decoding& d, uint32_t bytes) {
  const bool with_zero = d.bit(3);
  const auto second = with_zero ? "#0.0" : simd(d.rm(), bytes);
  d.say(d.bit(4) ? "fcmpe" : "fcmp", simd(d.rn(), bytes) + ", " + second);
  return Outcome::kDone;
}

// x0 or x1 1110 xx 1: scalar arithmetic, comparison and selection
Outcome scalar(Decoding& d) {
  const uint32_t bytes = scalar_bytes(d);
  if (d.matches(0x7f20fc00, 0x1e200000)) return convert_integer(d);
  if (d.matches(0x7f200000, 0x1e000000)) return convert_fixed(d);
  if (bytes == 0 || d.bit(31) || d.bit(29)) return by_class(d, "fp");
  if (bytes == 2) d.out.needs_feature = "FP16";
  if (d.bit(24)) {
    constexpr std::string_view kFused[] = {"fmadd", "fmsub", "fnmadd", "fnmsub"};
    const uint32_t kind = uint32_t{d.bit(21)} << 1 | uint32_t{d.bit(15)};
    d.say(std::string(kFused[kind]),
          fmt::format("{}, {}, {}, {}", simd(d.rd(), bytes), simd(d.rn(), bytes),
                      simd(d.rm(), bytes), simd(d.bits(14, 10), bytes)));
    return Outcome::kDone;
  }
  if (d.bits(14, 10) == 0b10000) {
    d.out.needs_feature = {};  // conversions to half precision are baseline
    return one_source(d, bytes);
  }
  if (d.bits(13, 10) == 0b1000) return compare(d, bytes);
  switch (d.bits(11, 10)) {
    case 1:
      d.say(d.bit(4) ? "fccmpe" : "fccmp",
            fmt::format("{}, {}, {}, {}", simd(d.rn(), bytes), simd(d.rm(), bytes),
                        hex(d.bits(3, 0)), kConditions[d.bits(15, 12)]));
      return Outcome::kDone;
    case 2:
      return two_sources(d, bytes);
    case 3:
      d.say("fcsel", fmt::format("{}, {}, {}, {}", simd(d.rd(), bytes), simd(d.rn(), bytes),
                                 simd(d.rm(), bytes), kConditions[d.bits(15, 12)]));
      return Outcome::kDone;
    default:
      return by_class(d, "fp");
  }
}

// dup, ins, umov, smov with a general register
Outcome copy_general(Decoding& d) {
  const uint32_t which = d.bits(14, 11), position = d.bits(20, 16);
  if ((position & 15) == 0) return Outcome::kUnallocated;
  const auto log2 = static_cast<uint32_t>(__builtin_ctz(position));
  const char element = "bhsd"[log2];
  const uint32_t lane = position >> (log2 + 1);
  const bool wide_source = log2 == 3, q = d.bit(30);
  switch (which) {
    case 1:
      d.say("dup", fmt::format("v{}.{}{}, {}", d.rd(), (q ? 16u : 8u) >> log2, element,
                               gpr(d.rn(), wide_source)));
      d.read(d.rn());
      return Outcome::kDone;
    case 3:
      d.say("mov", fmt::format("v{}.{}[{}], {}", d.rd(), element, lane, gpr(d.rn(), wide_source)));
      d.read(d.rn());
      return Outcome::kDone;
    case 5:
    case 7:
      d.say(which == 5  ? "smov"
            : log2 >= 2 ? "mov"
                        : "umov",
            fmt::format("{}, v{}.{}[{}]", gpr(d.rd(), q), d.rn(), element, lane));
      d.write(d.rd());
      return Outcome::kDone;
    default:
      return by_class(d, "simd");
  }
}

// 16-byte logic, by far the commonest vector instructions of compiled code
Outcome vector_logic(Decoding& d) {
  constexpr std::string_view kNames[] = {"and", "bic", "orr", "orn", "eor", "bsl", "bit", "bif"};
  const uint32_t kind = uint32_t{d.bit(29)} << 2 | d.bits(23, 22);
  const auto vector = [&](uint32_t number) {
    return fmt::format("v{}.{}", number, d.bit(30) ? "16b" : "8b");
  };
  if (kind == 2 && d.rn() == d.rm()) {
    d.say("mov", vector(d.rd()) + ", " + vector(d.rn()));
  } else {
    d.say(std::string(kNames[kind]),
          fmt::format("{}, {}, {}", vector(d.rd()), vector(d.rn()), vector(d.rm())));
  }
  return Outcome::kDone;
}

}  // namespace

Outcome decode_simd(Decoding& d) {
  if (d.bits(28, 24) == 0b11110 || d.bits(28, 24) == 0b11111) {
    return d.bit(30) ? by_class(d, "simd") : scalar(d);
  }
  if (d.matches(0xbfe08400, 0x0e000400)) return copy_general(d);
  if (d.matches(0x9f20fc00, 0x0e201c00)) return vector_logic(d);
  if (d.matches(0xff000000, 0xce000000)) {
    d.out.needs_feature = "SHA3/SM4";
    return by_class(d, "crypto");
  }
  return by_class(d, "simd");
}

}  // namespace inquest::isa::a64
