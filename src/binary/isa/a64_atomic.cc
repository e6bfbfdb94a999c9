// Exclusive, ordered and atomic memory accesses of AArch64 (DDI 0487, C4.1.97).
//
// All of them demand natural alignment (with FEAT_LSE2 the ordered and atomic ones fault only when
// they cross a 16-byte line; the exclusive ones always).
#include <fmt/format.h>

#include <utility>

#include "binary/isa/a64_decoding.h"

namespace inquest::isa::a64 {
namespace {

constexpr std::string_view kSizeSuffix[] = {"b", "h", "", ""};

std::string base_name(const Decoding& d) {
  return fmt::format("[{}]", gpr(d.rn(), true, R31::kStack));
}

void add_aligned(Decoding& d, Access access, uint32_t bytes) {
  MemoryOperand operand = at_base(d, access, bytes);
  operand.required_alignment = bytes;
  d.read(d.rn(), R31::kStack);
  d.out.memory.push_back(operand);
}

void add_loaded(Decoding& d, uint32_t bytes) {
  d.write(d.rt());
  if (!d.keeps(d.rt())) return;
  d.out.loads_destination = true;
  d.out.copy_bits = static_cast<uint8_t>(bytes * 8);
  d.out.result_bits = bytes == 8 ? 64 : 32;
}

// ldar, ldlar, stlr, stllr
Outcome ordered(Decoding& d) {
  const uint32_t size = d.bits(31, 30);
  const bool loads = d.bit(22), release = d.bit(15);
  if (d.rm() != 31 || d.bits(14, 10) != 31) return Outcome::kUnallocated;
  const std::string_view stem = loads ? (release ? "ldar" : "ldlar") : (release ? "stlr" : "stllr");
  d.say(fmt::format("{}{}", stem, kSizeSuffix[size]),
        fmt::format("{}, {}", gpr(d.rt(), size == 3), base_name(d)));
  add_aligned(d, loads ? Access::kRead : Access::kWrite, 1u << size);
  if (loads) {
    add_loaded(d, 1u << size);
  } else {
    d.read(d.rt());
  }
  return Outcome::kDone;
}

// ldxr, ldaxr, stxr, stlxr
Outcome exclusive(Decoding& d) {
  const uint32_t size = d.bits(31, 30);
  const bool loads = d.bit(22), ordered_too = d.bit(15);
  const auto value = gpr(d.rt(), size == 3);
  if (loads) {
    d.say(fmt::format("{}{}", ordered_too ? "ldaxr" : "ldxr", kSizeSuffix[size]),
          fmt::format("{}, {}", value, base_name(d)));
    add_aligned(d, Access::kRead, 1u << size);
    add_loaded(d, 1u << size);
    return Outcome::kDone;
  }
  d.say(fmt::format("{}{}", ordered_too ? "stlxr" : "stxr", kSizeSuffix[size]),
        fmt::format("{}, {}, {}", gpr(d.rm(), false), value, base_name(d)));
  add_aligned(d, Access::kWrite, 1u << size);
  d.read(d.rt());
  d.write(d.rm());
  return Outcome::kDone;
}

// ldxp, ldaxp, stxp, stlxp
Outcome exclusive_pair(Decoding& d) {
  const bool wide = d.bit(30), loads = d.bit(22), ordered_too = d.bit(15);
  const uint32_t bytes = wide ? 8 : 4, second = d.bits(14, 10);
  const auto values = fmt::format("{}, {}, {}", gpr(d.rt(), wide), gpr(second, wide), base_name(d));
  if (loads) {
    d.say(ordered_too ? "ldaxp" : "ldxp", values);
    add_aligned(d, Access::kRead, 2 * bytes);
    add_loaded(d, bytes);
    d.write(second);
    return Outcome::kDone;
  }
  d.say(ordered_too ? "stlxp" : "stxp", gpr(d.rm(), false) + ", " + values);
  add_aligned(d, Access::kWrite, 2 * bytes);
  d.read(d.rt());
  d.read(second);
  d.write(d.rm());
  return Outcome::kDone;
}

constexpr std::string_view order_suffix(bool acquires, bool releases) {
  if (acquires) return releases ? "al" : "a";
  return releases ? "l" : "";
}

Outcome compare_and_swap(Decoding& d) {
  const uint32_t size = d.bits(31, 30);
  if (d.bits(14, 10) != 31) return Outcome::kUnallocated;
  d.say(fmt::format("cas{}{}", order_suffix(d.bit(22), d.bit(15)), kSizeSuffix[size]),
        fmt::format("{}, {}, {}", gpr(d.rm(), size == 3), gpr(d.rt(), size == 3), base_name(d)));
  add_aligned(d, Access::kReadWrite, 1u << size);
  d.read(d.rm());
  d.read(d.rt());
  d.write(d.rm());
  d.out.needs_feature = "LSE";
  return Outcome::kDone;
}

Outcome compare_and_swap_pair(Decoding& d) {
  const bool wide = d.bit(30);
  const uint32_t expected = d.rm(), wanted = d.rt();
  if (d.bits(14, 10) != 31 || expected % 2 != 0 || wanted % 2 != 0) return Outcome::kUnallocated;
  d.say(fmt::format("casp{}", order_suffix(d.bit(22), d.bit(15))),
        fmt::format("{}, {}, {}, {}, {}", gpr(expected, wide), gpr(expected + 1, wide),
                    gpr(wanted, wide), gpr(wanted + 1, wide), base_name(d)));
  add_aligned(d, Access::kReadWrite, wide ? 16 : 8);
  for (uint32_t number : {expected, expected + 1, wanted, wanted + 1}) d.read(number);
  d.write(expected);
  d.write(expected + 1);
  d.out.needs_feature = "LSE";
  return Outcome::kDone;
}

// ldapr: bits 15 to 12 are 1100 and Rs is 31.
Outcome load_acquire_rcpc(Decoding& d) {
  const uint32_t size = d.bits(31, 30);
  d.say(fmt::format("ldapr{}", kSizeSuffix[size]),
        fmt::format("{}, {}", gpr(d.rt(), size == 3), base_name(d)));
  add_aligned(d, Access::kRead, 1u << size);
  add_loaded(d, 1u << size);
  d.out.needs_feature = "RCPC";
  return Outcome::kDone;
}

// ld64b, st64b, st64bv, st64bv0
Outcome sixty_four_bytes(Decoding& d) {
  const uint32_t operation = d.bits(14, 12);
  const bool loads = operation == 5;
  constexpr std::string_view kNames[] = {"", "st64b", "st64bv0", "st64bv", "", "ld64b"};
  if (operation == 0 || operation == 4 || operation > 5) return Outcome::kUnknown;
  d.say(std::string(kNames[operation]), fmt::format("{}, {}", gpr(d.rt(), true), base_name(d)));
  add_aligned(d, loads ? Access::kRead : Access::kWrite, 64);
  for (uint32_t number = d.rt(); number < d.rt() + 8 && number < 31; ++number) {
    if (loads) {
      d.write(number);
    } else {
      d.read(number);
    }
  }
  d.out.needs_feature = "LS64";
  return Outcome::kDone;
}

}  // namespace

Outcome decode_exclusive(Decoding& d) {
  if (d.bit(23)) return d.bit(21) ? compare_and_swap(d) : ordered(d);
  if (!d.bit(21)) return exclusive(d);
  return d.bit(31) ? exclusive_pair(d) : compare_and_swap_pair(d);
}

Outcome decode_atomic(Decoding& d) {
  constexpr std::string_view kOperations[] = {"add",  "clr",  "eor",  "set",
                                              "smax", "smin", "umax", "umin"};
  const uint32_t size = d.bits(31, 30), operation = d.bits(14, 12);
  const bool acquires = d.bit(23), releases = d.bit(22), swaps = d.bit(15) && operation == 0;
  if (d.bit(15) && !swaps) {
    if (operation == 4 && acquires && !releases && d.rm() == 31) return load_acquire_rcpc(d);
    return size == 3 && !acquires && !releases ? sixty_four_bytes(d) : Outcome::kUnknown;
  }
  // stadd and its like drop the old value.
  const bool stores_only = !swaps && d.rt() == 31 && !acquires;
  const auto suffix = fmt::format("{}{}", order_suffix(acquires, releases), kSizeSuffix[size]);
  const auto source = gpr(d.rm(), size == 3);
  if (stores_only) {
    d.say(fmt::format("st{}{}", kOperations[operation], suffix),
          fmt::format("{}, {}", source, base_name(d)));
  } else {
    d.say(swaps ? "swp" + suffix : fmt::format("ld{}{}", kOperations[operation], suffix),
          fmt::format("{}, {}, {}", source, gpr(d.rt(), size == 3), base_name(d)));
  }
  add_aligned(d, Access::kReadWrite, 1u << size);
  d.read(d.rm());
  add_loaded(d, 1u << size);
  d.out.needs_feature = "LSE";
  return Outcome::kDone;
}

}  // namespace inquest::isa::a64
