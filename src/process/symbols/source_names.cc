#include "process/symbols/source_names.h"

#include "process/symbols/explanation.h"

namespace inquest::process {

namespace {

constexpr uint64_t kNowhere = 0x0bad'0000'0000'0000;

Stack stack_at(isa::Arch arch, Address pc) {
  Stack stack;
  Frame& frame = stack.frames.emplace_back();
  frame.pc = pc;
  frame.interrupted = true;
  frame.registers = isa::RegisterFile(arch);
  // Slots are told apart by their distance from a frame address that no process can have.
  frame.cfa = Address(kNowhere);
  frame.registers.set(isa::fp_register(arch), kNowhere - 16);
  return stack;
}

}  // namespace

SourceNames::SourceNames(VariableReader& reader, const Stack& stack, size_t index)
    : evidence_(reader.evidence()),
      trace_(std::make_unique<OperandTrace>(evidence_, stack, index)) {}

SourceNames::SourceNames(VariableReader& reader, isa::Arch arch, Address pc)
    : evidence_(reader.evidence()),
      own_(stack_at(arch, pc)),
      trace_(std::make_unique<OperandTrace>(evidence_, own_, 0)) {}

SourceNames::~SourceNames() = default;

std::optional<SourceExpression> SourceNames::register_at(Address pc, isa::RegisterId id) {
  const auto at = trace_->why_not().empty() ? trace_->code().at(pc) : std::nullopt;
  return at ? explain_register_of(evidence_, *trace_, *at, id) : std::nullopt;
}

std::vector<std::string> SourceNames::bases_at(Address pc, isa::RegisterId id) {
  constexpr size_t kMaxBases = 16;
  std::vector<std::string> out;
  const auto at = trace_->why_not().empty() ? trace_->code().at(pc) : std::nullopt;
  if (!at) return out;
  const Traced traced = trace_->register_before(*at, id);
  const Known* known = traced.single();
  if (known == nullptr || !known->type || known->types == nullptr) return out;
  Types& types = *known->types;
  std::vector<dwarf::DieRef> waiting;
  if (const auto target = types.strip(*known->type).target) waiting.push_back(*target);
  for (size_t i = 0; i < waiting.size() && out.size() < kMaxBases; ++i) {
    for (const dwarf::Member& member : types.strip(waiting[i]).members) {
      if (!member.is_base || out.size() >= kMaxBases) continue;
      waiting.push_back(member.type);
      out.push_back(types.name(member.type));
    }
  }
  return out;
}

std::optional<size_t> SourceNames::find(const isa::Instruction& instruction, size_t operand) const {
  if (operand >= instruction.memory.size()) return std::nullopt;
  const FunctionCode& code = trace_->code();
  for (size_t at = code.at(instruction.pc).value_or(code.size());
       at < code.size() && code[at].pc == instruction.pc; ++at) {
    const auto& memory = code[at].memory;
    if (operand < memory.size() &&
        memory[operand].displacement == instruction.memory[operand].displacement)
      return at;
  }
  return std::nullopt;
}

OperandExplanation SourceNames::memory_at(const isa::Instruction& instruction, size_t operand) {
  OperandExplanation out;
  out.why_not = trace_->why_not();
  if (!out.why_not.empty()) return out;
  if (const auto at = find(instruction, operand))
    return explain_memory(evidence_, *trace_, *at, operand);
  out.why_not = "no such operand";
  return out;
}

std::vector<MemberBefore> SourceNames::members_before(const isa::Instruction& instruction,
                                                      size_t operand) {
  std::vector<MemberBefore> out;
  const auto at = trace_->why_not().empty() ? find(instruction, operand) : std::nullopt;
  if (!at) return out;
  const Traced address = trace_->address_of(trace_->code()[*at].memory[operand], *at);
  if (!address.lost.empty() || !address.base || !address.base->type || !address.base->types)
    return out;
  Types& types = *address.base->types;
  std::optional<dwarf::DieRef> structure = address.base->type;
  if (address.base->form == Known::Form::kContents) structure = types.strip(*structure).target;
  if (!structure) return out;
  for (const dwarf::Member& member : types.strip(*structure).members) {
    const uint64_t size = types.size(member.type).value_or(0);
    if (member.is_static || member.offset + size > address.offset) continue;
    if (out.size() >= kMaxMembersBefore) break;
    out.push_back({member.name, types.name(member.type), member.offset, size});
  }
  return out;
}

}  // namespace inquest::process
