// Branches and exceptions of AArch64 (DDI 0487, C4.1.94).
#include <fmt/format.h>

#include "binary/isa/a64_decoding.h"

namespace inquest::isa::a64 {
namespace {

std::string to(Decoding& d, int64_t words) {
  d.out.target.direct = d.out.pc + static_cast<uint64_t>(words * 4);
  return to_hex(*d.out.target.direct);
}

Outcome immediate(Decoding& d) {
  const bool links = d.bit(31);
  d.out.flow = links ? Flow::kCall : Flow::kJump;
  d.say(links ? "bl" : "b", to(d, d.signed_bits(25, 0)));
  if (links) d.write(kLr);
  return Outcome::kDone;
}

Outcome compare_and_branch(Decoding& d) {
  d.out.flow = Flow::kBranch;
  const auto target = to(d, d.signed_bits(23, 5));
  d.say(d.bit(24) ? "cbnz" : "cbz", fmt::format("{}, {}", gpr(d.rt(), d.bit(31)), target));
  d.read(d.rt());
  if (d.rt() != 31) {
    d.out.compares = {.left = static_cast<RegisterId>(d.rt()),
                      .right_register = std::nullopt,
                      .right = 0,
                      .bits = static_cast<uint8_t>(d.bit(31) ? 64 : 32)};
    d.out.branches_when = d.bit(24) ? Relation::kNotEqual : Relation::kEqual;
  }
  return Outcome::kDone;
}

Outcome test_and_branch(Decoding& d) {
  d.out.flow = Flow::kBranch;
  const auto target = to(d, d.signed_bits(18, 5));
  const uint32_t tested = uint32_t{d.bit(31)} << 5 | d.bits(23, 19);
  d.say(d.bit(24) ? "tbnz" : "tbz",
        fmt::format("{}, #{}, {}", gpr(d.rt(), d.bit(31)), tested, target));
  d.read(d.rt());
  if (d.rt() != 31) {
    d.out.compares = {.left = static_cast<RegisterId>(d.rt()),
                      .right_register = std::nullopt,
                      .right = 0,
                      .bits = 64,
                      .mask = uint64_t{1} << tested};
    d.out.branches_when = d.bit(24) ? Relation::kNotEqual : Relation::kEqual;
  }
  return Outcome::kDone;
}

// By condition code; the signs and overflows that compilers test alone are left out.
std::optional<Relation> relation_of(uint32_t condition) {
  constexpr std::optional<Relation> kRelations[16] = {Relation::kEqual,
                                                      Relation::kNotEqual,
                                                      Relation::kAboveEqual,
                                                      Relation::kBelow,
                                                      std::nullopt,
                                                      std::nullopt,
                                                      std::nullopt,
                                                      std::nullopt,
                                                      Relation::kAbove,
                                                      Relation::kBelowEqual,
                                                      Relation::kGreaterEqual,
                                                      Relation::kLess,
                                                      Relation::kGreater,
                                                      Relation::kLessEqual,
                                                      std::nullopt,
                                                      std::nullopt};
  return kRelations[condition & 15];
}

Outcome conditional(Decoding& d) {
  if (d.bit(24)) return Outcome::kUnallocated;
  d.out.flow = Flow::kBranch;
  const auto target = to(d, d.signed_bits(23, 5));
  d.say(fmt::format("{}.{}", d.bit(4) ? "bc" : "b", kConditions[d.bits(3, 0)]), target);
  d.out.branches_when = relation_of(d.bits(3, 0));
  if (d.bit(4)) d.out.needs_feature = "HBC";
  return Outcome::kDone;
}

Outcome exception(Decoding& d) {
  const auto say = [&](std::string_view name, Flow flow, bool privileged) {
    d.say(std::string(name), hex(d.bits(20, 5)));
    d.out.flow = flow;
    d.out.privileged = privileged;
    return Outcome::kDone;
  };
  switch (d.bits(23, 21) << 5 | d.bits(4, 0)) {
    case 0b000'00001:
      return say("svc", Flow::kSystemCall, false);
    case 0b000'00010:
      return say("hvc", Flow::kSystemCall, true);
    case 0b000'00011:
      return say("smc", Flow::kSystemCall, true);
    case 0b001'00000:
      return say("brk", Flow::kTrap, false);
    case 0b010'00000:
      return say("hlt", Flow::kTrap, true);
    case 0b101'00001:
    case 0b101'00010:
    case 0b101'00011:
      return say(fmt::format("dcps{}", d.bits(1, 0)), Flow::kTrap, true);
    default:
      return Outcome::kUnallocated;
  }
}

struct Through {
  std::string_view stem;
  Flow flow;
};

// br, blr, ret and their forms that authenticate the pointer first: [stem]aa xn, xm · [stem]aaz xn
// · retaa
Outcome through_register(Decoding& d) {
  constexpr Through kKinds[] = {{"br", Flow::kJump}, {"blr", Flow::kCall}, {"ret", Flow::kReturn}};
  const uint32_t kind = d.bits(23, 21);
  const bool with_modifier = d.bit(24);
  const uint32_t op3 = d.bits(15, 10), op4 = d.bits(4, 0);
  if (d.bits(20, 16) != 31) return Outcome::kUnallocated;
  if (kind > 2 || (with_modifier && kind == 2)) {
    if (d.word() != 0xd69f03e0 && d.word() != 0xd6bf03e0) return Outcome::kUnallocated;
    d.say(d.bit(21) ? "drps" : "eret");
    d.out.flow = Flow::kReturn;
    d.out.privileged = true;
    return Outcome::kDone;
  }
  const auto& [stem, flow] = kKinds[kind];
  const bool authenticates = op3 == 2 || op3 == 3;
  if (op3 != 0 && !authenticates) return Outcome::kUnallocated;
  if (!authenticates && (with_modifier || op4 != 0)) return Outcome::kUnallocated;
  if (authenticates && !with_modifier && op4 != 31) return Outcome::kUnallocated;
  uint32_t target = d.rn();
  std::string name(stem), operands = gpr(target, true);
  if (authenticates) {
    d.out.needs_feature = "PAuth";
    name += op3 == 2 ? "aa" : "ab";
    if (kind == 2) {
      if (target != 31) return Outcome::kUnallocated;
      target = kLr;
      operands.clear();
      d.read(31, R31::kStack);
    } else if (with_modifier) {
      operands += ", " + gpr(op4, true, R31::kStack);
      d.read(op4, R31::kStack);
    } else {
      name += 'z';
    }
  } else if (kind == 2 && target == kLr) {
    operands.clear();
  }
  d.say(std::move(name), operands);
  d.out.flow = flow;
  d.read(target);
  if (flow == Flow::kCall) d.write(kLr);
  if (flow != Flow::kReturn && target != 31) {
    d.out.target.through_register = static_cast<RegisterId>(target);
  }
  return Outcome::kDone;
}

}  // namespace

Outcome decode_branch(Decoding& d) {
  if (d.matches(0x7c000000, 0x14000000)) return immediate(d);
  if (d.matches(0x7e000000, 0x34000000)) return compare_and_branch(d);
  if (d.matches(0x7e000000, 0x36000000)) return test_and_branch(d);
  if (d.matches(0xfe000000, 0x54000000)) return conditional(d);
  if (d.matches(0xff000000, 0xd4000000)) return exception(d);
  if (d.matches(0xfe000000, 0xd6000000)) return through_register(d);
  return Outcome::kUnallocated;
}

}  // namespace inquest::isa::a64
