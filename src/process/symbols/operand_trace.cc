#include "process/symbols/operand_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "process/symbols/call_results.h"

namespace inquest::process {

using isa::Flow;
using isa::Instruction;
using isa::MemoryOperand;
using isa::RegisterId;

namespace {

constexpr uint8_t kSttFunction = 2;
constexpr uint64_t kBytesWithoutSymbol =
    512;  // decoded beyond the pc when the function's end is unknown
constexpr size_t kMaxCandidates = 8;
constexpr uint64_t kSmallConstant = 4096;  // a pointer of this value is null, or as good as null

// The function symbol that covers `link`: its extent.
std::optional<std::pair<uint64_t, uint64_t>> symbol_extent(const Module& module, uint64_t link) {
  for (const elf::File* file : {module.binary(), module.debug()}) {
    if (file == nullptr) continue;
    std::optional<std::pair<uint64_t, uint64_t>> found;
    file->for_each_symbol([&](const elf::Symbol& symbol) {
      if (symbol.type != kSttFunction || symbol.section == 0 || symbol.value > link ||
          link - symbol.value >= symbol.size)
        return true;
      found = std::pair(symbol.value, symbol.value + symbol.size);
      return false;
    });
    if (found) return found;
  }
  return std::nullopt;
}

// `add reg, n` and the like: by how many bytes it moves the register.
std::optional<uint64_t> increment_of(const Instruction& instruction, RegisterId id) {
  if (!instruction.address_of || instruction.writes.empty() || instruction.writes[0] != id)
    return std::nullopt;
  const MemoryOperand& sum = *instruction.address_of;
  if (sum.base != id || sum.index || sum.displacement == 0) return std::nullopt;
  const int64_t by = sum.displacement;
  return static_cast<uint64_t>(by < 0 ? -by : by);
}

// Worth another try: nothing is known, or only which function returned it.
bool is_vague(const Traced& traced) {
  return !traced.lost.empty() || (traced.base && traced.base->base_kind == "return value");
}

bool is_conditional_move(const Instruction& instruction) {
  return instruction.mnemonic.starts_with("cmov") || instruction.mnemonic.starts_with("csel");
}

}  // namespace

OperandTrace::~OperandTrace() = default;

OperandTrace::OperandTrace(Evidence& evidence, const Stack& stack, size_t index, int callers)
    : evidence_(evidence),
      stack_(stack),
      index_(index),
      callers_(callers),
      context_(evidence, stack, index),
      variables_(context_) {
  if (context_.types() == nullptr) {
    why_not_ = context_.why_not();
    return;
  }
  find_code();
}

void OperandTrace::find_code() {
  const Module& module = *context_.module();
  const uint64_t link = context_.link_pc();
  const auto scopes = context_.types()->info().scopes_at(link);
  if (scopes.empty()) {
    why_not_ = "no debug information covers " + to_hex(context_.frame().pc);
    return;
  }
  entry_link_ = scopes.back().low_pc;
  uint64_t start = entry_link_, end = link + kBytesWithoutSymbol;
  if (const auto extent = symbol_extent(module, link)) {
    // A part that was split off (".cold") has an extent of its own.
    if (entry_link_ < extent->first || entry_link_ >= extent->second) start = extent->first;
    end = extent->second;
  }
  if (start > link || link - start > kMaxFunctionBytes) {
    why_not_ = "the function at " + to_hex(context_.frame().pc) + " is too large to follow";
    return;
  }
  code_ = &evidence_.codes.at({module.to_process(start), module.to_process(end)},
                              module.to_process(entry_link_));
  const Frame& frame = context_.frame();
  if (!frame.is_exact()) {
    why_not_ = "which of several jumps left the function is not known";
    return;
  }
  const auto at = frame.interrupted ? code().at(frame.pc) : code().before(frame.pc);
  if (!at) {
    why_not_ = "no instruction of the function begins at " + to_hex(frame.pc);
    return;
  }
  current_ = *at;
}

uint64_t OperandTrace::link_pc(size_t at) const {
  return context_.module()->to_link(code()[at].pc);
}

std::optional<uint64_t> OperandTrace::register_value(size_t at, RegisterId id) {
  const auto value = context_.frame().registers.get(id);
  if (!value || at == current_) {
    // After a call the registers that it may change are not those it was made with.
    if (value && !context_.frame().interrupted && code().changes(code()[current_], id))
      return std::nullopt;
    return value;
  }
  if (!context_.frame().interrupted && code().changes(code()[current_], id)) return std::nullopt;
  const Definitions here = code().definitions(at, id, true),
                    there = code().definitions(current_, id, true);
  if (here.lost || there.lost || here != there) return std::nullopt;
  return value;
}

// Of a register that was overwritten since: what the caller still knows that it passed.
std::optional<uint64_t> OperandTrace::value_before(size_t at, RegisterId id) {
  if (const auto still = register_value(at, id)) return still;
  const Definitions definitions = code().definitions(at, id);
  const bool as_passed = definitions.at.empty() && definitions.from_entry && !definitions.lost;
  return as_passed ? passed_by_caller(id).value() : std::nullopt;
}

Traced OperandTrace::register_before(size_t at, RegisterId id) {
  if (!why_not_.empty()) return Traced::unknown(why_not_);
  const auto key = std::pair(at, id);
  if (const auto it = known_.find(key); it != known_.end()) return it->second;
  if (++steps_ > kMaxTraceSteps || depth_ >= kMaxTraceDepth)
    return Traced::unknown("the way back is too long");
  if (!open_.insert(key).second) return Traced::unknown("a loop");
  ++depth_;
  Traced found = find(at, id);
  if (is_vague(found)) {
    if (auto same = worth(at, register_value(at, id))) found = std::move(*same);
  }
  --depth_;
  open_.erase(key);
  // A register that still stands says what the expression was worth.
  if (found.base && !found.base->value && found.offset == 0 && found.terms.empty())
    found.base->value = value_before(at, id);
  if (!found.base && found.terms.size() == 1 && found.terms[0].first == 1 && found.offset == 0 &&
      !found.terms[0].second.value)
    found.terms[0].second.value = register_value(at, id);
  known_[key] = found;
  return found;
}

Traced OperandTrace::find(size_t at, RegisterId id) {
  const auto name = isa::register_name(code().arch(), id);
  bool of_library = false;
  std::optional<Traced> held = variables_.in_register(link_pc(at), id, &of_library);
  if (held) {
    Known* known = held->base            ? &*held->base
                   : held->terms.empty() ? nullptr
                                         : &held->terms[0].second;
    if (known != nullptr) {
      known->steps.push_back(fmt::format(
          "{} is {} `{}`{} at {}", name, known->base_kind, known->base_variable,
          known->function.empty() ? "" : " of " + known->function + "()", to_hex(code()[at].pc)));
      if (at != current_) known->trust = ExpressionTrust::kTraced;
    }
    if (!of_library) return *held;
  }
  const Definitions definitions = code().definitions(at, id);
  Traced found;
  if (definitions.at.size() == 1 && !definitions.from_entry) {
    found = from_definition(definitions.at[0], id);
    if (is_vague(found)) {
      if (auto stored = stored_in_variable(definitions.at[0], id)) found = std::move(*stored);
    }
  } else if (definitions.at.empty() && definitions.from_entry) {
    found = at_entry(id);
  } else if (definitions.at.empty()) {
    found = Traced::unknown(
        fmt::format("nothing that leads to {} writes {}", to_hex(code()[at].pc), name));
  } else {
    found = choose(definitions, definitions.from_entry, at, id);
  }
  const bool usable = found.lost.empty() && !found.is_constant();
  if (!usable && held) return *held;
  return found;
}

// Several instructions may have written the register. All may mean the same; else the one whose
// value it has.
Traced OperandTrace::choose(const Definitions& definitions, bool entry, size_t at, RegisterId id) {
  std::vector<Traced> candidates;
  uint64_t step = 0;
  size_t steps = 0;
  for (size_t i = 0; i < std::min(definitions.at.size(), kMaxCandidates); ++i) {
    const auto increment = increment_of(code()[definitions.at[i]], id);
    if (increment) {
      step = std::gcd(step, *increment);
      ++steps;
      continue;
    }
    Traced one = from_definition(definitions.at[i], id);
    if (one.lost.empty()) candidates.push_back(std::move(one));
  }
  if (entry) {
    Traced one = at_entry(id);
    if (one.lost.empty()) candidates.push_back(std::move(one));
  }
  const auto same = [](const Traced& a, const Traced& b) {
    if (a.base.has_value() != b.base.has_value() || a.offset != b.offset) return false;
    return (!a.base || spell(*a.base) == spell(*b.base)) && a.terms.size() == b.terms.size();
  };
  if (candidates.empty())
    return Traced::unknown(fmt::format("{} instructions may have written {}", definitions.at.size(),
                                       isa::register_name(code().arch(), id)));
  const bool all_same = std::ranges::all_of(
      candidates, [&](const Traced& one) { return same(one, candidates.front()); });
  if (all_same && candidates.size() + steps == definitions.at.size() + (entry ? 1 : 0)) {
    // A pointer that a loop moves along: from where it started, by steps that nobody counted.
    if (steps > 0 && candidates.front().terms.size() < kMaxTerms)
      candidates.front().terms.emplace_back(step, unknown_index());
    return candidates.front();
  }
  // `p` here and `p + i` there: a pointer into what p points at.
  const bool same_base = candidates.size() + steps == definitions.at.size() + (entry ? 1 : 0) &&
                         std::ranges::all_of(candidates, [&](const Traced& one) {
                           return one.base && candidates.front().base &&
                                  spell(*one.base) == spell(*candidates.front().base);
                         });
  if (same_base) {
    Traced out;
    out.base = candidates.front().base;
    out.terms.emplace_back(1, unknown_index());
    return out;
  }
  const auto value = register_value(at, id);
  std::vector<const Traced*> fitting;
  // A named value beats a bare constant: `p = found ? found : NULL`.
  for (const bool constant : {false, true})
    for (const Traced& one : candidates)
      if (value && one.value() == value && one.is_constant() == constant) fitting.push_back(&one);
  if (fitting.empty() ||
      (fitting.size() > 1 && !fitting[1]->is_constant() && !same(*fitting[0], *fitting[1])))
    return Traced::unknown(fmt::format("{} instructions may have written {}", definitions.at.size(),
                                       isa::register_name(code().arch(), id)));
  Traced chosen = *fitting.front();
  if (chosen.base) chosen.base->trust = ExpressionTrust::kHeuristic;
  for (auto& term : chosen.terms) term.second.trust = ExpressionTrust::kHeuristic;
  return chosen;
}

Traced OperandTrace::from_definition(size_t definition, RegisterId id) {
  const Instruction& instruction = code()[definition];
  if (instruction.flow == Flow::kCall) {
    if (id == isa::return_register(code().arch())) return from_call(definition);
    return Traced::unknown(fmt::format("{} was lost in the call at {}",
                                       isa::register_name(code().arch(), id),
                                       to_hex(instruction.pc)));
  }
  const bool first = !instruction.writes.empty() && instruction.writes[0] == id;
  if (first && is_conditional_move(instruction)) return conditional(definition, id);
  if (first && instruction.constant) return Traced::number(*instruction.constant);
  if (first && instruction.copy_of && instruction.copy_bits >= 32)
    return register_before(definition, *instruction.copy_of);
  if (first && instruction.copy_of) {
    Traced narrow = register_before(definition, *instruction.copy_of);
    if (!narrow.base) return narrow;
  }
  if (first && instruction.loads_destination && !instruction.memory.empty())
    return loaded(definition);
  if (first && instruction.address_of) return address_of(*instruction.address_of, definition);
  if (first && instruction.mnemonic == "add" && !instruction.memory.empty() &&
      instruction.memory[0].access == isa::Access::kRead)
    return sum_of(register_before(definition, id), loaded(definition));
  if (first && (instruction.mnemonic == "cdqe" || instruction.mnemonic == "cwde"))
    return register_before(definition, id);
  if (auto product = multiplied(instruction, definition); first && product) return *product;
  return Traced::unknown("computed by `" + instruction.text + "` at " + to_hex(instruction.pc));
}

Traced OperandTrace::from_call(size_t call) {
  const Instruction& instruction = code()[call];
  CodeName callee;
  if (instruction.target.direct)
    callee = evidence_.names.at(evidence_.names.through_stub(*instruction.target.direct));
  if (callee.name.empty()) {
    return Traced::unknown("the value returned by the call at " + to_hex(instruction.pc));
  }
  return call_result(evidence_, callee, [&](unsigned n) {
    const auto id = isa::argument_register(code().arch(), n);
    return id ? register_before(call, *id) : Traced::unknown("an argument on the stack");
  });
}

Traced OperandTrace::at_entry(RegisterId id) {
  bool of_library = false;
  auto held = variables_.in_register(entry_link_, id, &of_library);
  if (!held || of_library) {
    Traced passed = passed_by_caller(id);
    if (!held || (passed.lost.empty() && !passed.is_constant())) return passed;
  }
  if (held) {
    Known* known = held->base            ? &*held->base
                   : held->terms.empty() ? nullptr
                                         : &held->terms[0].second;
    if (known != nullptr) {
      known->trust = std::max(known->trust, ExpressionTrust::kTraced);
      known->steps.push_back(fmt::format("{} still holds argument `{}` of {}()",
                                         isa::register_name(code().arch(), id),
                                         known->base_variable, known->function));
    }
    return *held;
  }
  return Traced::unknown("unreachable");
}

// The compiler gave the function other parameters than the source did, or it is a library's: what
// did the call pass?
Traced OperandTrace::passed_by_caller(RegisterId id) {
  const auto lost = Traced::unknown(
      fmt::format("{} came from the caller", isa::register_name(code().arch(), id)));
  if (callers_ <= 0 || id == isa::sp_register(code().arch()) ||
      !context_.was_called_by_next_frame())
    return lost;
  if (!caller_)
    caller_ = std::make_unique<OperandTrace>(evidence_, stack_, index_ + 1, callers_ - 1);
  if (!caller_->why_not().empty()) return lost;
  Traced passed = caller_->register_before(caller_->current(), id);
  if (!passed.lost.empty()) return Traced::unknown(lost.lost + ", where it was " + passed.lost);
  if (passed.is_constant()) return passed;
  if (passed.base) {
    passed.base->trust = std::max(passed.base->trust, ExpressionTrust::kTraced);
    passed.base->steps.push_back(fmt::format("the caller passed it in {} at {}",
                                             isa::register_name(code().arch(), id),
                                             to_hex(caller_->code()[caller_->current()].pc)));
  }
  return passed;
}

// Small numbers are too common to tell a variable by.
std::optional<Traced> OperandTrace::worth(size_t at, std::optional<uint64_t> value) {
  if (!value || *value < kSmallConstant) return std::nullopt;
  if (auto found = variables_.worth(link_pc(at), *value)) return found;
  return at == current_ ? std::nullopt : variables_.worth(link_pc(current_), *value);
}

std::optional<Traced> OperandTrace::by_value(const MemoryOperand& operand) {
  const Instruction& instruction = code()[current_];
  const auto address = operand.effective_address(context_.frame().registers, instruction.next_pc());
  if (!address) return std::nullopt;
  for (const uint64_t displacement : {uint64_t{0}, static_cast<uint64_t>(operand.displacement)}) {
    if (auto found = worth(current_, address->value - displacement)) {
      found->offset += displacement;
      return found;
    }
  }
  return std::nullopt;
}

Traced OperandTrace::address_of(const MemoryOperand& operand, size_t at) {
  const Instruction& instruction = code()[at];
  Traced sum;
  if (const auto slot = frame_address(operand, at)) {
    sum = *slot;
  } else if (operand.base == isa::pc_register(code().arch())) {
    isa::RegisterFile none(code().arch());
    none.set_pc(instruction.pc);
    const auto target = operand.effective_address(none, instruction.next_pc());
    if (!target) return Traced::unknown("an address relative to the instruction");
    return Traced::number(target->value);
  } else {
    if (operand.segment_base) return Traced::unknown("thread-local memory");
    if (operand.base) sum = register_before(at, *operand.base);
    if (sum.is_constant()) {
      // The compiler knew what the variable was and left its register out.
      const auto displacement = static_cast<uint64_t>(operand.displacement);
      auto folded = variables_.with_value(link_pc(at), sum.offset);
      if (!folded && !operand.base) {
        folded = variables_.with_value(link_pc(at), displacement);
        if (folded) folded->offset -= displacement;
      }
      if (!folded) folded = worth(at, sum.offset);
      if (folded) sum = std::move(*folded);
    }
    sum.offset += static_cast<uint64_t>(operand.displacement);
  }
  if (!operand.index || !sum.lost.empty()) return sum;
  Traced index = scaled(register_before(at, *operand.index), operand.scale);
  if (!index.lost.empty() && sum.base && sum.terms.size() < kMaxTerms) {
    sum.terms.emplace_back(operand.scale, unknown_index());
    return sum;
  }
  return sum_of(std::move(sum), index);
}

}  // namespace inquest::process
