#include "process/flow/function_code.h"

#include <algorithm>
#include <deque>
#include <set>

namespace inquest::process {

using isa::Flow;

namespace {

bool falls_through(Flow flow) {
  return flow == Flow::kNext || flow == Flow::kBranch || flow == Flow::kCall ||
         flow == Flow::kSystemCall;
}

}  // namespace

FunctionCode FunctionCode::decode(isa::Arch arch, const MemoryReader& memory, AddressRange range,
                                  Address entry) {
  FunctionCode out;
  out.arch_ = arch;
  out.entry_ = entry;
  const uint64_t size = std::min(range.size(), kMaxFunctionBytes);
  Bytes code(size);
  code.resize(memory.read(range.start, code).size);
  constexpr uint64_t kBytesOfOne = 4;
  out.instructions_.reserve(code.size() / kBytesOfOne);
  for (uint64_t offset = 0; offset < code.size();) {
    auto instruction = isa::decode(arch, ByteView(code).subspan(offset), range.start + offset);
    if (!instruction.ok()) {
      // On AArch64 a word that we cannot read is a word all the same.
      if (arch != isa::Arch::kAArch64 || code.size() - offset < 4) break;
      isa::Instruction unknown;
      unknown.pc = range.start + offset;
      unknown.length = 4;
      out.instructions_.push_back(unknown);
      offset += 4;
      continue;
    }
    offset += instruction->length;
    if (!instruction->pair && !instruction->writeback) {
      out.instructions_.push_back(std::move(instruction).value());
      continue;
    }
    for (isa::Instruction& step : isa::steps_of(*instruction))
      out.instructions_.push_back(std::move(step));
  }
  out.link();
  return out;
}

void FunctionCode::link() {
  std::vector<std::pair<size_t, size_t>> jumps;  // target, source
  for (size_t i = 0; i < instructions_.size(); ++i) {
    const auto& instruction = instructions_[i];
    if (instruction.flow != Flow::kJump && instruction.flow != Flow::kBranch) continue;
    if (!instruction.target.direct) {
      indirect_jumps_.push_back(i);
    } else if (const auto target = at(*instruction.target.direct)) {
      jumps.emplace_back(*target, i);
    }
  }
  std::ranges::sort(jumps);
  predecessors_begin_.reserve(instructions_.size() + 1);
  auto jump = jumps.begin();
  for (size_t i = 0; i < instructions_.size(); ++i) {
    predecessors_begin_.push_back(predecessors_.size());
    if (i > 0 && falls_through(instructions_[i - 1].flow)) predecessors_.push_back(i - 1);
    for (; jump != jumps.end() && jump->first == i; ++jump) predecessors_.push_back(jump->second);
  }
  predecessors_begin_.push_back(predecessors_.size());
}

std::optional<size_t> FunctionCode::at(Address pc) const {
  const auto it = std::ranges::lower_bound(instructions_, pc, {}, &isa::Instruction::pc);
  if (it == instructions_.end() || it->pc != pc) return std::nullopt;
  return static_cast<size_t>(it - instructions_.begin());
}

std::optional<size_t> FunctionCode::before(Address pc) const {
  const auto it = std::ranges::lower_bound(instructions_, pc, {}, &isa::Instruction::pc);
  if (it == instructions_.begin() || (it - 1)->next_pc() != pc) return std::nullopt;
  return static_cast<size_t>(it - instructions_.begin()) - 1;
}

bool FunctionCode::is_entry(size_t index) const {
  return instructions_[index].pc == entry_ && (index == 0 || instructions_[index - 1].pc != entry_);
}

std::span<const size_t> FunctionCode::predecessors(size_t index) const {
  const size_t begin = predecessors_begin_[index], end = predecessors_begin_[index + 1];
  // Code that nothing leads to is the target of a jump table.
  if (begin == end && !is_entry(index)) return indirect_jumps_;
  return std::span(predecessors_).subspan(begin, end - begin);
}

bool FunctionCode::changes(const isa::Instruction& instruction, isa::RegisterId id) const {
  if (instruction.flow == Flow::kCall || instruction.flow == Flow::kSystemCall) {
    if (id == isa::sp_register(arch_)) return false;  // what call pushes, return pops
    if (instruction.flow == Flow::kCall) return !isa::is_callee_saved(arch_, id);
  }
  return std::ranges::find(instruction.writes, id) != instruction.writes.end();
}

bool FunctionCode::defines(const isa::Instruction& instruction, isa::RegisterId id) const {
  if (instruction.flow != Flow::kCall) return changes(instruction, id);
  const isa::RegisterId second = arch_ == isa::Arch::kX86_64 ? isa::x86::kRdx : isa::a64::kX0 + 1;
  return id == isa::return_register(arch_) || id == second;
}

Definitions FunctionCode::definitions(size_t index, isa::RegisterId id, bool strict) const {
  Definitions out;
  std::set<size_t> seen;
  std::deque<size_t> waiting{index};
  while (!waiting.empty()) {
    const size_t current = waiting.front();
    waiting.pop_front();
    if (is_entry(current)) out.from_entry = true;
    const auto sources = predecessors(current);
    if (sources.empty() && !is_entry(current)) out.lost = true;
    for (const size_t source : sources) {
      if (!seen.insert(source).second) continue;
      if (seen.size() > kMaxSearchedInstructions) {
        out.lost = true;
        return out;
      }
      if (strict ? changes(instructions_[source], id) : defines(instructions_[source], id)) {
        out.at.push_back(source);
      } else {
        waiting.push_back(source);
      }
    }
  }
  return out;
}

}  // namespace inquest::process
