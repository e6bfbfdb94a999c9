// Instructions that do several things at once, taken apart.
#include <utility>

#include "binary/isa/decode.h"

namespace inquest::isa {
namespace {

// One half of a pair: `offset` bytes into what memory[0] covers, to or from `id`.
Instruction half_of(const Instruction& pair, std::optional<RegisterId> id, int64_t offset) {
  Instruction half = pair;
  half.pair.reset();
  half.writeback.reset();
  MemoryOperand& memory = half.memory[0];
  memory.size /= 2;
  memory.displacement += offset;
  half.reads.clear();
  half.writes.clear();
  if (memory.base) half.reads.push_back(*memory.base);
  half.loads_destination = false;
  if (memory.access == Access::kRead) {
    half.loads_destination = id.has_value();
    if (id) half.writes.push_back(*id);
  } else if (id) {
    half.stores_register = id;
    half.reads.push_back(*id);
  } else {
    half.stores_constant = 0;
  }
  return half;
}

// The access of a pre- or post-indexed instruction without what it does to its base.
Instruction without_writeback(const Instruction& instruction, RegisterId base) {
  Instruction access = instruction;
  access.writeback.reset();
  // Loading into the base as well is unpredictable: whatever else is written stays.
  std::erase(access.writes, base);
  return access;
}

Instruction writeback_of(const Instruction& instruction, RegisterId base) {
  Instruction moved;
  moved.pc = instruction.pc;
  moved.length = instruction.length;
  moved.mnemonic = instruction.mnemonic;
  moved.text = instruction.text;
  moved.reads = {base};
  moved.writes = {base};
  moved.address_of = MemoryOperand{.base = base, .displacement = *instruction.writeback};
  return moved;
}

}  // namespace

std::vector<Instruction> steps_of(const Instruction& instruction) {
  const bool accesses = !instruction.memory.empty() && instruction.memory[0].base;
  if (!accesses || (!instruction.pair && !instruction.writeback)) return {instruction};
  const RegisterId base = *instruction.memory[0].base;
  std::vector<Instruction> steps;
  if (instruction.pair) {
    const int64_t half = instruction.memory[0].size / 2;
    steps.push_back(half_of(instruction, instruction.pair->first, 0));
    steps.push_back(half_of(instruction, instruction.pair->second, half));
    // `ldp x0, x1, [x0]`: the second half is loaded from where x0 pointed before.
    if (steps[0].loads_destination && instruction.pair->first == base)
      std::swap(steps[0], steps[1]);
  } else {
    steps.push_back(without_writeback(instruction, base));
  }
  if (instruction.writeback) steps.push_back(writeback_of(instruction, base));
  return steps;
}

}  // namespace inquest::isa
