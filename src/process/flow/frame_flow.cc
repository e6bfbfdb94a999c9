#include "process/flow/frame_flow.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <string_view>

namespace inquest::process {

using isa::Flow;
using isa::Instruction;
using isa::MemoryOperand;
using isa::RegisterId;

namespace {

constexpr size_t kMaxFlagDistance = 8;    // instructions between a comparison and its branch
constexpr size_t kMaxAliasDistance = 16;  // between a copy and the comparison of its source
constexpr int64_t kMaxObject = 4096;      // bytes that a call may write behind an address it got
constexpr size_t kMaxZeroDistance = 48;   // between `pxor x, x` and the store of x

bool writes(const Instruction& instruction, RegisterId id) {
  return std::ranges::find(instruction.writes, id) != instruction.writes.end();
}

bool keeps_flags(const Instruction& instruction) {
  for (const std::string_view name : {"mov", "lea", "nop", "push", "pop", "ldr", "str", "ldp",
                                      "stp", "adr", "sxt", "uxt", "cmov", "csel", "set"}) {
    if (instruction.mnemonic.starts_with(name)) return true;
  }
  return false;
}

// The comparison that a conditional branch goes by.
std::optional<size_t> comparison_of(const FunctionCode& code, size_t branch) {
  if (code[branch].compares) return branch;
  for (size_t back = 1; back <= kMaxFlagDistance && back <= branch; ++back) {
    const size_t i = branch - back;
    if (code[i].compares) return i;
    if (code[i].flow != Flow::kNext || !keeps_flags(code[i])) return std::nullopt;
  }
  return std::nullopt;
}

bool is_only_predecessor(const FunctionCode& code, size_t at) {
  return code.predecessors(at).size() == 1;
}

uint64_t low_bytes(uint64_t value, uint64_t size) {
  return size >= 8 ? value : value & ((uint64_t{1} << (8 * size)) - 1);
}

}  // namespace

FrameFlow::FrameFlow(const FunctionCode& code, const MemoryReader& memory, const FrameState& state)
    : code_(code), memory_(memory), state_(state), layout_(code) {}

// Does what instruction `made` puts into a register still stand in an argument of the call?
bool FrameFlow::is_passed(size_t made, size_t call) const {
  std::set<RegisterId> holders{code_[made].writes[0]};
  for (size_t i = made + 1; i < call; ++i) {
    const Instruction& one = code_[i];
    if (one.flow != Flow::kNext && one.flow != Flow::kBranch) return false;
    const bool copies = one.copy_of && holders.contains(*one.copy_of);
    for (const RegisterId id : one.writes) holders.erase(id);
    if (copies) holders.insert(one.writes[0]);
  }
  for (unsigned n = 0; n < 8; ++n) {
    const auto id = isa::argument_register(code_.arch(), n);
    if (id && holders.contains(*id)) return true;
  }
  return false;
}

// Has one of the call's arguments, as far as the code right before it shows, the address of an
// object that may hold the slot?
bool FrameFlow::may_write_through(size_t call, const Spot& slot) const {
  for (const StackLayout::Taken& taken : layout_.taken()) {
    if (taken.slot > slot.offset || slot.offset - taken.slot >= kMaxObject) continue;
    if (taken.at >= call || call - taken.at > kMaxAliasDistance) continue;
    // A nearer address names another object.
    const bool nearer = std::ranges::any_of(layout_.taken(), [&](const StackLayout::Taken& other) {
      return other.slot > taken.slot && other.slot <= slot.offset;
    });
    if (!nearer && is_passed(taken.at, call)) return true;
  }
  return false;
}

FrameFlow::Effect FrameFlow::effect(size_t at, const Spot& spot) const {
  const Instruction& one = code_[at];
  if (spot.kind == Spot::Kind::kRegister)
    return code_.defines(one, spot.id) ? Effect::kWrites : Effect::kNone;
  if (one.flow == Flow::kCall)
    return may_write_through(at, spot) ? Effect::kMayWrite : Effect::kNone;
  for (const MemoryOperand& operand : one.memory) {
    if (operand.access == isa::Access::kRead || operand.access == isa::Access::kExecute) continue;
    const auto slot = layout_.slot(at, operand);
    if (!slot) continue;
    const int64_t end = *slot + std::max<int64_t>(operand.size, 1);
    if (*slot < spot.offset + static_cast<int64_t>(spot.size) && spot.offset < end)
      return Effect::kWrites;
  }
  return Effect::kNone;
}

Reaching FrameFlow::reaching(size_t at, const Spot& spot, std::optional<uint64_t> value) {
  return search(at, spot, value);
}

Reaching FrameFlow::search(size_t at, const Spot& spot, std::optional<uint64_t> value) {
  Reaching out;
  if (at >= code_.size()) {
    out.lost = true;
    return out;
  }
  std::set<size_t> seen;
  std::deque<size_t> waiting{at};
  while (!waiting.empty()) {
    const size_t current = waiting.front();
    waiting.pop_front();
    const bool is_entry = code_.is_entry(current);
    if (is_entry) out.from_entry = true;
    const auto sources = code_.predecessors(current);
    if (sources.empty() && !is_entry) out.lost = true;
    for (const size_t source : sources) {
      if (seen.contains(source)) continue;
      if (value && depth_ < 2 && contradicts(source, current, spot, *value)) {
        ++out.excluded;
        continue;
      }
      seen.insert(source);
      if (seen.size() > kMaxSearchedInstructions) {
        out.lost = true;
        return out;
      }
      switch (effect(source, spot)) {
        case Effect::kWrites:
          out.at.push_back(source);
          break;
        case Effect::kMayWrite:
          out.through.push_back(source);
          waiting.push_back(source);
          break;
        case Effect::kNone:
          waiting.push_back(source);
          break;
      }
    }
  }
  // Nothing but contradictions: the value was changed on the way, so that branches tell nothing.
  if (out.excluded > 0 && out.at.empty() && out.through.empty() && !out.from_entry)
    return search(at, spot, std::nullopt);
  return out;
}

// Would control have gone from `branch` to `to` with this value in `spot`?
bool FrameFlow::contradicts(size_t branch, size_t to, const Spot& spot, uint64_t value) {
  const Instruction& one = code_[branch];
  if (one.flow != Flow::kBranch || !one.branches_when || !one.target.direct) return false;
  const bool taken = *one.target.direct == code_[to].pc, next = branch + 1 == to;
  if (taken == next) return false;
  const auto at = comparison_of(code_, branch);
  if (!at) return false;
  const isa::Comparison& comparison = *code_[*at].compares;
  ++depth_;
  const auto left = compared(*at, comparison.left, spot, value);
  const auto right = !comparison.right_register
                         ? std::optional(comparison.right)
                         : compared(*at, comparison.right_register, spot, value);
  --depth_;
  if (!left || !right) return false;
  return isa::holds(*one.branches_when, *left & comparison.mask, *right, comparison.bits) != taken;
}

// What a side of the comparison at `at` was, when `spot` held `value`. Without `id`: its memory.
std::optional<uint64_t> FrameFlow::compared(size_t at, std::optional<RegisterId> id,
                                            const Spot& spot, uint64_t value) {
  if (!id) {
    if (code_[at].memory.empty()) return std::nullopt;
    const auto slot = layout_.slot(at, code_[at].memory[0]);
    if (!slot) return std::nullopt;
    if (spot.kind == Spot::Kind::kSlot && *slot == spot.offset) return value;
    if (++comparisons_ > kMaxComparisons) return std::nullopt;
    return slot_value(at, Spot::in_slot(*slot, code_[at].memory[0].size));
  }
  if (spot.kind == Spot::Kind::kRegister && spot.id == *id) return value;
  if (is_alias(at, *id, spot)) return value;
  if (++comparisons_ > kMaxComparisons) return std::nullopt;
  return this->value(at, *id);
}

// Does `id` hold a copy of what `spot` holds before `at`, by the straight-line code before it?
bool FrameFlow::is_alias(size_t at, RegisterId id, const Spot& spot) const {
  for (size_t back = 1; back <= kMaxAliasDistance && back <= at; ++back) {
    const size_t i = at - back;
    if (code_[i].flow != Flow::kNext || !is_only_predecessor(code_, i + 1)) return false;
    const Instruction& one = code_[i];
    const bool in_register = spot.kind == Spot::Kind::kRegister;
    if (writes(one, id)) {
      if (one.writes[0] != id) return false;
      if (in_register) return one.copy_of == spot.id && one.copy_bits >= 32;
      return one.loads_destination && layout_.slot(i, one.memory[0]) == spot.offset;
    }
    if (in_register ? writes(one, spot.id) : effect(i, spot) == Effect::kWrites) {
      if (in_register) return one.copy_of == id && one.writes[0] == spot.id && one.copy_bits >= 32;
      return one.stores_register == id && layout_.slot(i, one.memory[0]) == spot.offset;
    }
  }
  return false;
}

// Are the last writes before `at` those before the place where the frame stopped?
bool FrameFlow::unchanged_since(size_t at, const Spot& spot) {
  if (spot.kind == Spot::Kind::kRegister) {
    if (!state_.interrupted && code_.changes(code_[state_.current], spot.id)) return false;
    if (at == state_.current) return true;
    const Definitions here = code_.definitions(at, spot.id, true),
                      there = code_.definitions(state_.current, spot.id, true);
    return !here.lost && !there.lost && here == there;
  }
  const Reaching here = search(at, spot, std::nullopt),
                 there = search(state_.current, spot, std::nullopt);
  if (here.lost || there.lost || here.from_entry != there.from_entry) return false;
  const std::set<size_t> a(here.at.begin(), here.at.end()), b(there.at.begin(), there.at.end());
  const std::set<size_t> c(here.through.begin(), here.through.end()),
      d(there.through.begin(), there.through.end());
  // A loop may write it anew after `at`: then the writers are the same and the value is not.
  const bool rewritten = at != state_.current && b.size() + d.size() > 1;
  return a == b && c == d && !rewritten;
}

std::optional<uint64_t> FrameFlow::slot_value(size_t at, const Spot& slot) {
  if (!state_.on_stack || !state_.cfa || slot.size > 8) return std::nullopt;
  if (!unchanged_since(at, slot)) return std::nullopt;
  uint8_t bytes[8] = {};
  const Address address = *state_.cfa + static_cast<uint64_t>(slot.offset);
  if (memory_.read(address, {bytes, slot.size}).size != slot.size) return std::nullopt;
  return load<uint64_t>(ByteView(bytes, sizeof(bytes)));
}

std::optional<uint64_t> FrameFlow::value(size_t at, const Spot& spot) {
  return spot.kind == Spot::Kind::kRegister ? value(at, spot.id) : slot_value(at, spot);
}

std::optional<uint64_t> FrameFlow::value(size_t at, RegisterId id) {
  const auto key = std::pair(at, id);
  if (const auto it = values_.find(key); it != values_.end()) return it->second;
  if (depth_ >= kMaxValueDepth) return std::nullopt;
  values_[key] = std::nullopt;  // meeting itself again: a loop
  ++depth_;
  const auto found = find_value(at, id);
  --depth_;
  values_[key] = found;
  return found;
}

std::optional<uint64_t> FrameFlow::find_value(size_t at, RegisterId id) {
  if (state_.on_stack && unchanged_since(at, Spot::in_register(id))) {
    if (const auto held = state_.registers.get(id)) return held;
  }
  if (state_.on_stack && state_.cfa) {
    if (const auto offset = layout_.pointer(at, id))
      return (*state_.cfa + static_cast<uint64_t>(*offset)).value;
  }
  const Definitions definitions = code_.definitions(at, id);
  if (definitions.at.size() != 1 || definitions.from_entry || definitions.lost) return std::nullopt;
  const size_t definition = definitions.at[0];
  const Instruction& one = code_[definition];
  if (one.flow == Flow::kCall || one.writes.empty() || one.writes[0] != id) return std::nullopt;
  if (one.constant) return one.constant;
  if (one.copy_of) {
    const auto source = value(definition, *one.copy_of);
    return source ? std::optional(one.extended(*source)) : std::nullopt;
  }
  if (one.address_of) {
    const auto sum = address(definition, *one.address_of);
    return sum ? std::optional(sum->value) : std::nullopt;
  }
  if (!one.loads_destination || one.memory.empty()) return std::nullopt;
  const auto slot = layout_.slot(definition, one.memory[0]);
  if (!slot) return std::nullopt;
  const auto held = slot_value(definition, Spot::in_slot(*slot, one.memory[0].size));
  return held ? std::optional(one.extended(*held)) : std::nullopt;
}

std::optional<Address> FrameFlow::address(size_t at, const MemoryOperand& operand) {
  isa::RegisterFile registers(code_.arch());
  for (const auto id : {operand.base, operand.index}) {
    if (!id || *id == isa::pc_register(code_.arch())) continue;
    if (const auto held = value(at, *id)) registers.set(*id, *held);
  }
  if (operand.segment_base) {
    const auto held = state_.registers.get(*operand.segment_base);
    if (held) registers.set(*operand.segment_base, *held);
  }
  return operand.effective_address(registers, code_[at].next_pc());
}

std::optional<uint64_t> stored_constant(const FunctionCode& code, size_t at) {
  const Instruction& store = code[at];
  if (store.stores_constant) return store.stores_constant;
  if (store.stores_register) {
    const Definitions from = code.definitions(at, *store.stores_register);
    if (from.at.size() != 1 || from.from_entry || from.lost) return std::nullopt;
    const auto constant = code[from.at[0]].constant;
    if (!constant || store.memory.empty()) return std::nullopt;
    return low_bytes(*constant, store.memory[0].size);
  }
  // `pxor xmm0, xmm0` … `movups [rdi+8], xmm0`
  const size_t last = store.text.rfind("xmm");
  if (last == std::string::npos || store.mnemonic.find("mov") == std::string::npos)
    return std::nullopt;
  const std::string written = fmt::format(" {},", store.text.substr(last));
  const std::string itself = fmt::format("{} {}", written, store.text.substr(last));
  for (size_t back = 1; back <= kMaxZeroDistance && back <= at; ++back) {
    const size_t i = at - back;
    const std::string& text = code[i].text;
    const bool clears = code[i].mnemonic == "pxor" || code[i].mnemonic == "xorps";
    if (clears && text.ends_with(itself)) return 0;
    if (text.find(written) != std::string::npos) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace inquest::process
