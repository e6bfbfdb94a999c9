#include "binary/isa/describe.h"

#include <fmt/format.h>

namespace inquest::isa {
namespace {

std::string_view name_of(Flow flow) {
  switch (flow) {
    case Flow::kNext:
      return "";
    case Flow::kJump:
      return "jump";
    case Flow::kBranch:
      return "branch";
    case Flow::kCall:
      return "call";
    case Flow::kReturn:
      return "return";
    case Flow::kTrap:
      return "trap";
    case Flow::kSystemCall:
      return "syscall";
  }
  return "?";
}

std::string signed_hex(int64_t value) {
  const auto magnitude = static_cast<uint64_t>(value);
  return value < 0 ? fmt::format("-{:#x}", 0 - magnitude) : fmt::format("+{:#x}", magnitude);
}

std::string address_parts(Arch arch, const MemoryOperand& operand) {
  std::string text = "[";
  if (operand.segment_base) text += fmt::format("{}:", register_name(arch, *operand.segment_base));
  if (operand.base) text += register_name(arch, *operand.base);
  if (operand.index) {
    text += fmt::format("+{}{}*{}", register_name(arch, *operand.index),
                        operand.index_sign_extend32   ? ".sx"
                        : operand.index_zero_extend32 ? ".zx"
                                                      : "",
                        operand.scale);
  }
  if (operand.displacement != 0) text += signed_hex(operand.displacement);
  text += operand.truncated32 ? "]32" : "]";
  return text;
}

std::string describe_memory(Arch arch, const MemoryOperand& operand) {
  std::string text =
      fmt::format("{}{} {} {}", operand.implicit ? "implicit " : "", to_string(operand.access),
                  operand.size, address_parts(arch, operand));
  if (operand.inexact) text += " inexact";
  if (operand.required_alignment != 1) text += fmt::format(" align {}", operand.required_alignment);
  return text;
}

std::string describe_target(Arch arch, const BranchTarget& target) {
  std::string text;
  if (target.direct) text += " to " + to_hex(*target.direct);
  if (target.through_register) {
    text += fmt::format(" via {}", register_name(arch, *target.through_register));
  }
  if (target.through_memory) text += " via memory";
  return text;
}

std::string describe_registers(Arch arch, const Instruction& in) {
  std::string text;
  const auto list = [&](std::string_view label, const std::vector<RegisterId>& ids) {
    if (ids.empty()) return;
    text += text.empty() ? label : fmt::format(" {}", label);
    for (size_t i = 0; i < ids.size(); ++i) {
      text += fmt::format("{}{}", i == 0 ? "" : ",", register_name(arch, ids[i]));
    }
  };
  list("r:", in.reads);
  list("w:", in.writes);
  return text;
}

std::string describe_data_flow(Arch arch, const Instruction& in) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  const std::string how = fmt::format(
      ":{}{}", in.copy_bits, in.sign_extended ? fmt::format(" sx {}", in.result_bits) : "");
  if (in.constant) add(fmt::format("= {:#x}", *in.constant));
  if (in.copy_of) {
    add(fmt::format("= {}{}", register_name(arch, *in.copy_of), how));
  }
  if (in.loads_destination) add("= memory" + how);
  if (in.address_of) add("= &" + address_parts(arch, *in.address_of));
  if (in.divides) {
    add(fmt::format("divides by {} bits of {}", in.divisor_bits,
                    in.divisor_register ? register_name(arch, *in.divisor_register) : "memory"));
  }
  if (in.privileged) add("privileged");
  if (!in.needs_feature.empty()) add("needs " + in.needs_feature);
  return text;
}

}  // namespace

std::string describe(Arch arch, const Instruction& instruction) {
  std::string text = instruction.text;
  const auto add = [&](const std::string& part) {
    if (!part.empty()) text += " | " + part;
  };
  add(std::string(name_of(instruction.flow)) + describe_target(arch, instruction.target));
  for (const auto& operand : instruction.memory) add(describe_memory(arch, operand));
  add(describe_registers(arch, instruction));
  add(describe_data_flow(arch, instruction));
  return text;
}

std::string describe(Arch arch, ByteView code, Address pc) {
  const auto instruction = decode(arch, code, pc);
  if (!instruction) return "error: " + std::string(to_string(instruction.error().code()));
  return describe(arch, *instruction);
}

}  // namespace inquest::isa
