// OperandTrace: values that come through memory: loads, slots that registers are saved in, and what
// is chosen or multiplied on the way.
#include <algorithm>
#include <charconv>

#include "process/symbols/operand_trace.h"

namespace inquest::process {

using isa::Flow;
using isa::Instruction;
using isa::MemoryOperand;
using isa::RegisterId;

namespace {

constexpr size_t kMaxStoresSearched = 16;

// The last comma-separated part of an instruction's text, as a number.
std::optional<uint64_t> last_immediate(std::string_view text) {
  const size_t comma = text.rfind(',');
  if (comma == std::string_view::npos) return std::nullopt;
  std::string_view last = text.substr(comma + 1);
  while (!last.empty() && (last.front() == ' ' || last.front() == '#')) last.remove_prefix(1);
  int base = 10;
  if (last.starts_with("0x") || last.starts_with("0X")) last.remove_prefix(2), base = 16;
  uint64_t value = 0;
  const auto parsed = std::from_chars(last.data(), last.data() + last.size(), value, base);
  if (parsed.ec != std::errc() || parsed.ptr != last.data() + last.size()) return std::nullopt;
  return value;
}

}  // namespace

Traced OperandTrace::loaded(size_t definition) {
  const Instruction& instruction = code()[definition];
  const MemoryOperand& operand = instruction.memory[0];
  return read_at(address_of(operand, definition), operand.size, definition);
}

Traced OperandTrace::read_at(const Traced& address, uint64_t size, size_t at) {
  Traced value = load_through(evidence_, address, size);
  const bool of_library =
      address.base && address.base->of_library && address.base->form == Known::Form::kAddress;
  if (value.lost.empty() && !of_library) return value;
  // Not a variable: a slot that the compiler saved a register in.
  const Instruction& instruction = code()[at];
  for (const auto& operand : instruction.memory) {
    if (operand.base && (*operand.base == isa::sp_register(code().arch()) ||
                         *operand.base == isa::fp_register(code().arch()))) {
      Traced stored = stored_in_slot(operand, at);
      if (stored.lost.empty() && !stored.is_constant()) return stored;
    }
  }
  if (value.lost.empty()) return value;
  // Not a variable, but what it holds may be one's value.
  const auto place = address.value();
  if (place && size == 8) {
    if (auto same = worth(at, evidence_.memory.load<uint64_t>(Address(*place)))) return *same;
    if (at + 1 < code().size())
      if (auto same = worth(at + 1, evidence_.memory.load<uint64_t>(Address(*place)))) return *same;
  }
  return value;
}

// The last store to the same slot on the way here, when there is exactly one.
Traced OperandTrace::stored_in_slot(const MemoryOperand& slot, size_t at) {
  std::set<size_t> seen{at};
  std::vector<size_t> waiting{at}, stores;
  while (!waiting.empty()) {
    const size_t index = waiting.back();
    waiting.pop_back();
    for (const size_t source : code().predecessors(index)) {
      if (!seen.insert(source).second) continue;
      if (seen.size() > kMaxSearchedInstructions) return Traced::unknown("a saved register");
      const Instruction& one = code()[source];
      const bool writes = std::ranges::any_of(one.memory, [&](const MemoryOperand& operand) {
        return !operand.implicit && operand.access == isa::Access::kWrite &&
               operand.base == slot.base && !operand.index && !slot.index &&
               operand.displacement == slot.displacement;
      });
      if (writes) {
        stores.push_back(source);
      } else if (!slot.base || !code().changes(one, *slot.base)) {
        waiting.push_back(source);
      }
    }
  }
  if (stores.size() != 1) return Traced::unknown("a stack slot written in several places");
  std::optional<RegisterId> from;
  for (const RegisterId id : code()[stores[0]].reads) {
    if (id == slot.base) continue;
    if (from) return Traced::unknown("a stack slot");
    from = id;
  }
  if (!from) return Traced::unknown("a stack slot that was given a constant");
  return register_before(stores[0], *from);
}

// The compiler put the value into a variable's slot right after it was made: `device = find(...)`.
std::optional<Traced> OperandTrace::stored_in_variable(size_t definition, RegisterId id) {
  const size_t end = std::min(definition + 1 + kMaxStoresSearched, code().size());
  std::set<RegisterId> holders{id};
  for (size_t i = definition + 1; i < end; ++i) {
    const Instruction& one = code()[i];
    if (one.flow != Flow::kNext) return std::nullopt;
    for (const MemoryOperand& operand : one.memory) {
      const bool stores = std::ranges::any_of(one.reads, [&](RegisterId from) {
        return from != operand.base && holders.contains(from);
      });
      if (operand.implicit || operand.access != isa::Access::kWrite || operand.size != 8 || !stores)
        continue;
      const auto slot = frame_address(operand, i);
      if (!slot || slot->base->of_library) continue;
      Traced value = load_through(evidence_, *slot, 8);
      if (value.lost.empty() && value.single() != nullptr) return value;
    }
    const bool copies = one.copy_of && one.copy_bits == 64 && holders.contains(*one.copy_of);
    for (const RegisterId written : one.writes) holders.erase(written);
    if (copies) holders.insert(one.writes[0]);
    if (holders.empty()) return std::nullopt;
  }
  return std::nullopt;
}

Traced OperandTrace::conditional(size_t definition, RegisterId id) {
  const Instruction& instruction = code()[definition];
  std::vector<Traced> candidates;
  for (const RegisterId source : instruction.reads)
    candidates.push_back(register_before(definition, source));
  if (!instruction.memory.empty()) candidates.push_back(loaded(definition));
  const auto value =
      register_value(definition + 1 < code().size() ? definition + 1 : definition, id);
  for (Traced& one : candidates) {
    if (!one.lost.empty() || one.is_constant() || !value || one.value() != value) continue;
    if (one.base) one.base->trust = ExpressionTrust::kHeuristic;
    return one;
  }
  return Traced::unknown("chosen by `" + instruction.text + "` at " + to_hex(instruction.pc));
}

// imul reg, reg, n and shl reg, n: an integer times a constant.
std::optional<Traced> OperandTrace::multiplied(const Instruction& instruction, size_t at) {
  const bool shift = instruction.mnemonic == "shl" || instruction.mnemonic == "sal" ||
                     instruction.mnemonic == "lsl";
  if (!shift && instruction.mnemonic != "imul") return std::nullopt;
  const auto amount = last_immediate(instruction.text);
  if (!amount || (shift && *amount > 40)) return std::nullopt;
  const uint64_t factor = shift ? uint64_t{1} << *amount : *amount;
  if (!instruction.memory.empty()) return scaled(loaded(at), factor);
  if (instruction.reads.size() != 1) return std::nullopt;
  return scaled(register_before(at, instruction.reads[0]), factor);
}

// What the stack or frame pointer held before `at`, by the code when no register tells.
std::optional<uint64_t> OperandTrace::stack_pointer(size_t at, RegisterId id) {
  const auto cfa = context_.frame().cfa;
  if (cfa) {
    if (!layout_) layout_.emplace(code());
    if (const auto offset = layout_->pointer(at, id))
      return (*cfa + static_cast<uint64_t>(*offset)).value;
  }
  return register_value(at, id);
}

// An address on the stack: as part of the variable that lies there.
std::optional<Traced> OperandTrace::frame_address(const MemoryOperand& operand, size_t at) {
  const RegisterId sp = isa::sp_register(code().arch()), fp = isa::fp_register(code().arch());
  if (!operand.base || (*operand.base != sp && *operand.base != fp)) return std::nullopt;
  const auto base = stack_pointer(at, *operand.base);
  if (!base) return std::nullopt;
  const Address address(*base + static_cast<uint64_t>(operand.displacement));
  return variables_.in_memory(link_pc(at), address);
}

}  // namespace inquest::process
