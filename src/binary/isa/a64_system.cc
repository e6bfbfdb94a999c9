// Hints, barriers, system registers and cache maintenance of AArch64 (DDI 0487, C4.1.94).
#include <fmt/format.h>

#include <utility>

#include "binary/isa/a64_decoding.h"

namespace inquest::isa::a64 {
namespace {

using Named = std::pair<uint32_t, std::string_view>;

// Hints run as nop where they are unknown.
constexpr Named kHints[] = {
    {0, "nop"},        {1, "yield"},      {2, "wfe"},      {3, "wfi"},       {4, "sev"},
    {5, "sevl"},       {6, "dgh"},        {7, "xpaclri"},  {8, "pacia1716"}, {10, "pacib1716"},
    {12, "autia1716"}, {14, "autib1716"}, {16, "esb"},     {20, "csdb"},     {24, "paciaz"},
    {25, "paciasp"},   {26, "pacibz"},    {27, "pacibsp"}, {28, "autiaz"},   {29, "autiasp"},
    {30, "autibz"},    {31, "autibsp"},   {32, "bti"},     {34, "bti c"},    {36, "bti j"},
    {38, "bti jc"}};

void add_hint_registers(Decoding& d, uint32_t number) {
  const bool touches_lr = number == 7 || (number >= 24 && number <= 31);
  const bool touches_x17 = number >= 8 && number <= 15;
  if (touches_lr) {
    d.read(kLr);
    d.write(kLr);
    if (number % 2 == 1 && number != 7) d.read(31, R31::kStack);
  }
  if (touches_x17) {
    d.read(17);
    d.read(16);
    d.write(17);
  }
}

Outcome hint(Decoding& d) {
  const uint32_t number = d.bits(11, 5);
  add_hint_registers(d, number);
  for (const auto& [known, name] : kHints) {
    if (known != number) continue;
    const size_t space = name.find(' ');
    if (space == std::string_view::npos) {
      d.say(std::string(name));
    } else {
      d.say(std::string(name.substr(0, space)), std::string(name.substr(space + 1)));
    }
    return Outcome::kDone;
  }
  d.say("hint", hex(number));
  return Outcome::kDone;
}

Outcome barrier(Decoding& d) {
  constexpr std::string_view kScopes[] = {"", "oshld", "oshst", "osh", "", "nshld", "nshst", "nsh",
                                          "", "ishld", "ishst", "ish", "", "ld",    "st",    "sy"};
  const uint32_t crm = d.bits(11, 8);
  const auto scope = kScopes[crm].empty() ? hex(crm) : std::string(kScopes[crm]);
  switch (d.bits(7, 5)) {
    case 2:
      d.say("clrex");
      return Outcome::kDone;
    case 4:
      if (crm == 0 || crm == 4) {
        d.say(crm == 0 ? "ssbb" : "pssbb");
      } else {
        d.say("dsb", scope);
      }
      return Outcome::kDone;
    case 5:
      d.say("dmb", scope);
      return Outcome::kDone;
    case 6:
      d.say("isb");
      return Outcome::kDone;
    case 7:
      d.say("sb");
      d.out.needs_feature = "SB";
      return Outcome::kDone;
    default:
      return Outcome::kUnknown;
  }
}

// op0:op1:CRn:CRm:op2 as bits 20 to 5 hold them (op0's low bit is bit 19).
constexpr uint32_t system_register(uint32_t op0, uint32_t op1, uint32_t crn, uint32_t crm,
                                   uint32_t op2) {
  return (op0 & 1) << 14 | op1 << 11 | crn << 7 | crm << 3 | op2;
}

constexpr Named kSystemRegisters[] = {{system_register(3, 3, 13, 0, 2), "tpidr_el0"},
                                      {system_register(3, 3, 13, 0, 3), "tpidrro_el0"},
                                      {system_register(3, 3, 4, 4, 0), "fpcr"},
                                      {system_register(3, 3, 4, 4, 1), "fpsr"},
                                      {system_register(3, 3, 4, 2, 0), "nzcv"},
                                      {system_register(3, 3, 0, 0, 1), "ctr_el0"},
                                      {system_register(3, 3, 0, 0, 7), "dczid_el0"},
                                      {system_register(3, 3, 14, 0, 0), "cntfrq_el0"},
                                      {system_register(3, 3, 14, 0, 2), "cntvct_el0"},
                                      {system_register(3, 0, 0, 0, 0), "midr_el1"},
                                      {system_register(3, 3, 2, 4, 0), "rndr"},
                                      {system_register(3, 3, 2, 4, 1), "rndrrs"}};

std::string system_register_name(const Decoding& d) {
  for (const auto& [known, name] : kSystemRegisters) {
    if (d.bit(20) && known == d.bits(19, 5)) return std::string(name);
  }
  return fmt::format("s{}_{}_c{}_c{}_{}", 2 + d.bits(19, 19), d.bits(18, 16), d.bits(15, 12),
                     d.bits(11, 8), d.bits(7, 5));
}

Outcome move_system_register(Decoding& d) {
  const bool reads = d.bit(21);
  const auto name = system_register_name(d);
  const auto general = gpr(d.rt(), true);
  // op1 3 is for user mode; the kernel answers reads of the identification registers (CRn 0).
  d.out.privileged = d.bits(18, 16) != 3 && !(reads && d.bits(18, 16) == 0 && d.bits(15, 12) == 0);
  if (reads) {
    d.say("mrs", general + ", " + name);
    d.write(d.rt());
    if (name == "tpidr_el0" && d.keeps(d.rt())) {
      d.out.copy_of = kTpidr;
      d.out.reads.push_back(kTpidr);
    }
  } else {
    d.say("msr", name + ", " + general);
    d.read(d.rt());
    if (name == "tpidr_el0") d.out.writes.push_back(kTpidr);
  }
  return Outcome::kDone;
}

// Cache maintenance by address translates it and may fault; `dc zva` writes zeros to a whole block.
Outcome system_instruction(Decoding& d) {
  const uint32_t op1 = d.bits(18, 16), crn = d.bits(15, 12), crm = d.bits(11, 8),
                 op2 = d.bits(7, 5);
  const auto by_address = [&](std::string_view name, std::string_view what, Access access) {
    d.say(std::string(name), fmt::format("{}, {}", what, gpr(d.rt(), true)));
    d.read(d.rt());
    MemoryOperand operand;
    operand.access = access;
    if (d.rt() != 31) operand.base = static_cast<RegisterId>(d.rt());
    d.out.memory.push_back(operand);
    return Outcome::kDone;
  };
  if (op1 == 3 && crn == 7 && !d.bit(21)) {
    switch (crm << 3 | op2) {
      case 4 << 3 | 1:
        return by_address("dc", "zva", Access::kWrite);
      case 4 << 3 | 3:
        d.out.needs_feature = "MTE";
        return by_address("dc", "gva", Access::kWrite);
      case 4 << 3 | 4:
        d.out.needs_feature = "MTE";
        return by_address("dc", "gzva", Access::kWrite);
      case 5 << 3 | 1:
        return by_address("ic", "ivau", Access::kRead);
      case 10 << 3 | 1:
        return by_address("dc", "cvac", Access::kRead);
      case 11 << 3 | 1:
        return by_address("dc", "cvau", Access::kRead);
      case 12 << 3 | 1:
        return by_address("dc", "cvap", Access::kRead);
      case 14 << 3 | 1:
        return by_address("dc", "civac", Access::kRead);
      default:
        break;
    }
  }
  const bool reads = d.bit(21);
  const auto operation = fmt::format("#{}, c{}, c{}, #{}", op1, crn, crm, op2);
  if (reads) {
    d.say("sysl", fmt::format("{}, {}", gpr(d.rt(), true), operation));
    d.write(d.rt());
  } else {
    d.say("sys", d.rt() == 31 ? operation : operation + ", " + gpr(d.rt(), true));
    d.read(d.rt());
  }
  d.out.privileged = op1 != 3;
  return Outcome::kDone;
}

// cfinv, xaflag, axflag, and the fields of PSTATE.
Outcome move_to_pstate(Decoding& d) {
  constexpr std::string_view kFlagNames[] = {"cfinv", "xaflag", "axflag"};
  const uint32_t op1 = d.bits(18, 16), op2 = d.bits(7, 5);
  if (op1 == 0 && op2 < 3) {
    d.say(std::string(kFlagNames[op2]));
    d.out.needs_feature = op2 == 0 ? "FlagM" : "FlagM2";
    return Outcome::kDone;
  }
  d.say("msr", fmt::format("pstate.{}.{}, {}", op1, op2, hex(d.bits(11, 8))));
  d.out.privileged = op1 != 3;
  return Outcome::kDone;
}

}  // namespace

Outcome decode_system(Decoding& d) {
  if (d.matches(0xfffff01f, 0xd503201f)) return hint(d);
  if (d.matches(0xfffff01f, 0xd503301f)) return barrier(d);
  if (d.matches(0xfff8f01f, 0xd500401f)) return move_to_pstate(d);
  if (d.matches(0xffd80000, 0xd5080000)) return system_instruction(d);
  if (d.matches(0xffd00000, 0xd5100000)) return move_system_register(d);
  return Outcome::kUnknown;
}

}  // namespace inquest::isa::a64
