#include "diagnosis/facts/site.h"

#include <fmt/format.h>

#include <array>

namespace inquest::diagnosis {
namespace {

constexpr uint64_t kX86MinCall = 2, kX86MaxCall = 9;

std::string_view trust_text(process::ExpressionTrust trust) {
  switch (trust) {
    case process::ExpressionTrust::kExact:
      return "exact";
    case process::ExpressionTrust::kTraced:
      return "traced";
    case process::ExpressionTrust::kHeuristic:
      return "heuristic";
  }
  return "heuristic";
}

}  // namespace

Result<isa::Instruction> decode_at(const process::ModuleSet& modules, isa::Arch arch, Address pc) {
  std::array<uint8_t, isa::kMaxInstructionLength> code{};
  const process::MemoryRead got = modules.memory().read(pc, code);
  if (got.size == 0) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("the code at {} is {}", to_hex(pc), to_string(got.missing)));
  }
  return isa::decode(arch, ByteView(code.data(), got.size), pc);
}

std::optional<isa::Instruction> call_before(const process::ModuleSet& modules, isa::Arch arch,
                                            Address return_pc) {
  if (arch == isa::Arch::kAArch64) {
    auto found = decode_at(modules, arch, return_pc - 4);
    return found && found->flow == isa::Flow::kCall ? std::optional(*std::move(found))
                                                    : std::nullopt;
  }
  std::optional<isa::Instruction> best;
  // Longer encodings first: `call [rax+8]` also ends with bytes that decode as a shorter call at
  // times. A direct call is five bytes long and wins when its target holds code.
  for (uint64_t length = kX86MaxCall; length >= kX86MinCall; --length) {
    auto found = decode_at(modules, arch, return_pc - length);
    if (!found || found->flow != isa::Flow::kCall || found->length != length) continue;
    if (found->target.direct) {
      if (modules.find(*found->target.direct) == nullptr) continue;
      return *std::move(found);
    }
    if (!best) best = *std::move(found);
  }
  return best;
}

bool holds_code(const process::ProcessImage& image, Address address) {
  const process::Mapping* mapping = image.mapping_at(address);
  if (mapping == nullptr) return false;
  return !mapping->protection || mapping->protection->execute;
}

AccessKind to_access_kind(isa::Access access) {
  switch (access) {
    case isa::Access::kRead:
      return AccessKind::kRead;
    case isa::Access::kWrite:
      return AccessKind::kWrite;
    case isa::Access::kReadWrite:
      return AccessKind::kReadWrite;
    case isa::Access::kExecute:
      return AccessKind::kExecute;
  }
  return AccessKind::kNone;
}

ExpressionFact to_fact(const process::SourceExpression& expression) {
  ExpressionFact fact;
  fact.text = expression.text;
  fact.type = expression.type;
  fact.base_variable = expression.base_variable;
  fact.base_kind = expression.base_kind;
  fact.function = expression.function;
  fact.trust = trust_text(expression.trust);
  if (expression.value_known) fact.value = expression.value;
  fact.steps = expression.steps;
  return fact;
}

MemberFact to_fact(const process::MemberAccess& member) {
  return {member.structure, member.member, member.member_type, member.offset};
}

}  // namespace inquest::diagnosis
