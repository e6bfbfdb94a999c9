#include "diagnosis/facts/dataflow.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "diagnosis/facts/operand.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxForward = 12;  // instructions after a load
constexpr size_t kMaxFunction =
    64 * 1024;  // bytes of a function that are decoded to find its instructions' starts
constexpr uint64_t kMaxDistance = 256;  // bytes between a load and the use of what it loaded

bool writes(const isa::Instruction& instruction, isa::RegisterId id) {
  return std::find(instruction.writes.begin(), instruction.writes.end(), id) !=
         instruction.writes.end();
}

bool loads_from(const isa::Instruction& instruction, const std::set<isa::RegisterId>& tainted) {
  return instruction.loads_destination && !instruction.memory.empty() &&
         instruction.memory[0].base && tainted.contains(*instruction.memory[0].base);
}

bool goes_through(const isa::Instruction& instruction, const std::set<isa::RegisterId>& tainted) {
  if (instruction.flow != isa::Flow::kCall && instruction.flow != isa::Flow::kJump) return false;
  if (instruction.target.through_register)
    return tainted.contains(*instruction.target.through_register);
  return instruction.target.through_memory && !instruction.memory.empty() &&
         instruction.memory[0].base && tainted.contains(*instruction.memory[0].base);
}

// The instructions of the function up to pc, in order; empty when its code cannot be followed from
// its start.
std::vector<isa::Instruction> instructions_before(const Site& site, Address start) {
  std::vector<isa::Instruction> all;
  if (start >= site.pc() || site.pc() - start > kMaxFunction) return all;
  for (Address at = start; at < site.pc();) {
    auto next = decode_at(site.modules, site.arch(), at);
    if (!next || next->length == 0) return {};
    at = next->next_pc();
    all.push_back(*std::move(next));
  }
  // Data or padding in between has put us out of step.
  if (!all.empty() && all.back().next_pc() != site.pc()) return {};
  return all;
}

// The last write of `id` before pc such that no other way leads in between.
const isa::Instruction* straight_line_definition(const std::vector<isa::Instruction>& code,
                                                 isa::RegisterId id, Address pc) {
  for (auto at = code.rbegin(); at != code.rend(); ++at) {
    if (pc - at->pc > kMaxDistance) return nullptr;
    if (at->flow != isa::Flow::kNext) return nullptr;
    if (!writes(*at, id)) continue;
    const bool joined = std::any_of(code.begin(), code.end(), [&](const isa::Instruction& other) {
      return other.target.direct && *other.target.direct > at->pc && *other.target.direct <= pc;
    });
    return joined ? nullptr : &*at;
  }
  return nullptr;
}

// Are the registers of the load's address the same now as then?
bool address_survives(const std::vector<isa::Instruction>& code,
                      const isa::Instruction& definition) {
  const isa::MemoryOperand& operand = definition.memory[0];
  return std::none_of(code.begin(), code.end(), [&](const isa::Instruction& other) {
    if (other.pc < definition.pc) return false;
    return (operand.base && writes(other, *operand.base)) ||
           (operand.index && writes(other, *operand.index));
  });
}

std::optional<Address> function_start(const Site& site) {
  const process::AnnotatedFrame& frame = site.symbols.annotate(site.pc());
  if (frame.module == nullptr || frame.functions.empty() ||
      frame.functions.back().function_start == 0) {
    return std::nullopt;
  }
  return frame.module->to_process(frame.functions.back().function_start);
}

}  // namespace

bool feeds_call(const Site& site, const isa::Instruction& load) {
  if (!load.loads_destination || load.writes.empty()) return false;
  std::set<isa::RegisterId> tainted = {load.writes[0]};
  Address at = load.next_pc();
  for (size_t i = 0; i < kMaxForward && !tainted.empty(); ++i) {
    const auto next = decode_at(site.modules, site.arch(), at);
    if (!next) return false;
    if (goes_through(*next, tainted)) return true;
    if (next->flow != isa::Flow::kNext) return false;
    const bool carries =
        loads_from(*next, tainted) || (next->copy_of && tainted.contains(*next->copy_of)) ||
        (next->address_of && next->address_of->base && tainted.contains(*next->address_of->base));
    for (const isa::RegisterId id : next->writes) tainted.erase(id);
    if (carries && !next->writes.empty()) tainted.insert(next->writes[0]);
    at = next->next_pc();
  }
  return false;
}

std::optional<Fact> find_changed_since(const Site& site, const StackFacts& frames,
                                       const OperandFacts& operand) {
  if (operand.bad_register.empty() || !operand.bad_value) return std::nullopt;
  const auto id = isa::register_by_name(site.arch(), operand.bad_register);
  const auto start = function_start(site);
  if (!id || !start) return std::nullopt;
  const std::vector<isa::Instruction> code = instructions_before(site, *start);
  const isa::Instruction* definition = straight_line_definition(code, *id, site.pc());
  if (definition == nullptr || !definition->loads_destination || definition->memory.empty())
    return std::nullopt;
  if (definition->memory[0].size != 8 || definition->writes[0] != *id ||
      !address_survives(code, *definition)) {
    return std::nullopt;
  }
  const auto address =
      definition->memory[0].effective_address(site.registers(), definition->next_pc());
  const auto now = address ? site.modules.memory().load<uint64_t>(*address) : std::nullopt;
  if (!now || *now == *operand.bad_value) return std::nullopt;
  Fact fact;
  fact.statement = fmt::format(
      "{} was loaded as {} from {}, which now holds {}: it was changed in between, by another "
      "thread or a later use of the same memory",
      operand.bad_register, to_hex(*operand.bad_value), to_hex(*address), to_hex(*now));
  fact.evidence.push_back({Evidence::Kind::kInstruction,
                           fmt::format("`{}` at {}", definition->text, to_hex(definition->pc)),
                           definition->pc, site.frame});
  fact.evidence.push_back({Evidence::Kind::kRegister,
                           fmt::format("{} = {}", operand.bad_register, to_hex(*operand.bad_value)),
                           std::nullopt, site.frame});
  fact.evidence.push_back({Evidence::Kind::kMemory,
                           fmt::format("8 bytes at {}: {}", to_hex(*address), to_hex(*now)),
                           *address, std::nullopt});
  if (site.frame < frames.frames.size()) {
    fact.evidence.push_back(
        {Evidence::Kind::kFrame, "in the faulting frame", site.pc(), site.frame});
  }
  return fact;
}

}  // namespace inquest::diagnosis
