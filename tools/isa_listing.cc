// Decodes instructions given as lines "<pc> <bytes>" (hexadecimal) and prints what decode() says of each, in fields
// separated by tabs: pc, length or error, mnemonic, text, flow target, memory operands. For isa_agreement.py.
#include <fmt/format.h>

#include <iostream>
#include <sstream>
#include <string>

#include "binary/isa/decode.h"

namespace {

using namespace inquest;

Bytes from_hex(const std::string& digits) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string memory_fields(isa::Arch arch, const isa::Instruction& in) {
  std::string text;
  const auto name = [&](const std::optional<isa::RegisterId>& id) {
    return id ? std::string(isa::register_name(arch, *id)) : std::string();
  };
  for (const auto& operand : in.memory) {
    text += fmt::format("{}:{}:{}:{}:{}:{}:{}:{}:{};", to_string(operand.access), operand.size,
                        name(operand.base), name(operand.index), operand.scale,
                        operand.displacement, name(operand.segment_base),
                        operand.index_sign_extend32   ? "sx"
                        : operand.index_zero_extend32 ? "zx"
                                                      : "",
                        operand.implicit ? "implicit" : "");
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const bool x86 = argc > 1 && std::string(argv[1]) == "x86_64";
  const auto arch = x86 ? isa::Arch::kX86_64 : isa::Arch::kAArch64;
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream fields(line);
    std::string pc, bytes;
    fields >> pc >> bytes;
    const auto in = isa::decode(arch, from_hex(bytes), Address(std::stoull(pc, nullptr, 16)));
    if (!in) {
      std::cout << pc << '\t' << to_string(in.error().code()) << "\t\t\t\t\n";
      continue;
    }
    std::cout << pc << '\t' << int{in->length} << '\t' << in->mnemonic << '\t' << in->text << '\t'
              << (in->target.direct ? to_hex(*in->target.direct) : "") << '\t'
              << memory_fields(arch, *in) << '\n';
  }
}
