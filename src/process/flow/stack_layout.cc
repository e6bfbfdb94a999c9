#include "process/flow/stack_layout.h"

#include <algorithm>

namespace inquest::process {

using isa::Instruction;
using isa::MemoryOperand;
using isa::RegisterId;

namespace {

constexpr int kMaxRounds = 6;  // over the whole function; loops settle in two or three
constexpr int64_t kWord = 8;

bool writes(const Instruction& instruction, RegisterId id) {
  return std::ranges::find(instruction.writes, id) != instruction.writes.end();
}

std::optional<int64_t> plus(std::optional<int64_t> base, int64_t offset) {
  int64_t sum = 0;
  if (!base || __builtin_add_overflow(*base, offset, &sum)) return std::nullopt;
  return sum;
}

}  // namespace

StackLayout::StackLayout(const FunctionCode& code)
    : code_(code), sp_(isa::sp_register(code.arch())), fp_(isa::fp_register(code.arch())) {
  before_.resize(code.size());
  const auto entry = code.at(code.entry());
  if (!entry) return;
  before_[*entry].reached = true;
  before_[*entry].sp = code.arch() == isa::Arch::kX86_64 ? -kWord : 0;
  for (int round = 0; round < kMaxRounds && propagate(); ++round) {
  }
  for (size_t i = 0; i < code.size(); ++i) {
    if (code[i].writes.empty() || code[i].writes[0] == sp_ || code[i].writes[0] == fp_) continue;
    const auto& sum = code[i].address_of;
    std::optional<int64_t> at;
    if (sum && !sum->index) at = slot(i, *sum);
    if (code[i].copy_of && code[i].copy_bits == 64) at = pointer(i, *code[i].copy_of);
    if (at) taken_.push_back({i, *at});
  }
}

// One pass over the code in order of addresses. False when nothing changed.
bool StackLayout::propagate() {
  bool changed = false;
  for (size_t i = 0; i < code_.size(); ++i) {
    State met;
    for (const size_t source : code_.predecessors(i)) {
      if (!before_[source].reached) continue;
      const State out = after(source);
      if (!met.reached) {
        met = out;
      } else {
        if (met.sp != out.sp) met.sp.reset();
        if (met.fp != out.fp) met.fp.reset();
      }
    }
    if (code_.is_entry(i) || !met.reached || met == before_[i]) continue;
    before_[i] = met;
    changed = true;
  }
  return changed;
}

StackLayout::State StackLayout::after(size_t at) const {
  State state = before_[at];
  const Instruction& one = code_[at];
  if (one.flow == isa::Flow::kCall || (!writes(one, sp_) && !writes(one, fp_))) return state;
  const auto moved = [&](RegisterId id, std::optional<int64_t> old) -> std::optional<int64_t> {
    if (!writes(one, id)) return old;
    if (one.writes[0] == id && one.copy_of == sp_) return state.sp;
    if (one.writes[0] == id && one.copy_of == fp_) return state.fp;
    if (one.writes[0] == id && one.address_of && !one.address_of->index && one.address_of->base)
      return plus(pointer(at, *one.address_of->base), one.address_of->displacement);
    if (id != sp_) return std::nullopt;
    if (one.mnemonic == "leave") return plus(state.fp, kWord);
    if (one.mnemonic.starts_with("push")) return plus(state.sp, -kWord);
    if (one.mnemonic.starts_with("pop")) return plus(state.sp, kWord);
    return std::nullopt;
  };
  State out = state;
  out.sp = moved(sp_, state.sp);
  out.fp = moved(fp_, state.fp);
  return out;
}

std::optional<int64_t> StackLayout::pointer(size_t at, RegisterId id) const {
  if (at >= before_.size() || !before_[at].reached) return std::nullopt;
  if (id == sp_) return before_[at].sp;
  if (id == fp_) return before_[at].fp;
  return std::nullopt;
}

std::optional<int64_t> StackLayout::slot(size_t at, const MemoryOperand& operand) const {
  if (!operand.base || operand.index || operand.segment_base || operand.inexact)
    return std::nullopt;
  return plus(pointer(at, *operand.base), operand.displacement);
}

}  // namespace inquest::process
