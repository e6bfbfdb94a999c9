#include "diagnosis/facts/origin_trace.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace inquest::diagnosis {

using isa::Flow;
using isa::Instruction;
using isa::RegisterId;
using process::Reaching;
using process::Spot;
using Kind = OriginStep::Kind;

namespace {

constexpr int kMaxAdvances = 64;
constexpr size_t kMaxAlternatives = 4;  // named when nobody can tell which it was

constexpr int kMaxSelfDepth = 4;  // instructions between a slot and what is stored to it again

bool is_increment(const Instruction& one, const Spot& spot) {
  return spot.kind == Spot::Kind::kRegister && one.address_of && !one.address_of->index &&
         one.address_of->base == spot.id && !one.writes.empty() && one.writes[0] == spot.id;
}

}  // namespace

std::string OriginTrace::name_of(const Followed& value, size_t at, RegisterId id) {
  process::SourceNames* names = value.body->names();
  if (names == nullptr) return {};
  const auto found = names->register_at(value.body->code()[at].pc, id);
  if (!found || found->base_kind == "constant" || found->text.size() > 60) return {};
  return found->text;
}

void OriginTrace::lost(const Followed& value, size_t at, std::string why) {
  trail_.step(Kind::kLost, std::move(why), place(*value.body, at), value.body->frame());
}

void OriginTrace::follow(Followed value) {
  while (advance(value)) {
  }
}

bool OriginTrace::advance(Followed& value) {
  if (++steps_ > kMaxAdvances) return false;
  if (!visited_.insert({value.body, value.at, value.spot}).second) return false;
  const auto definition = choose(value);
  if (!definition) return false;
  if (definition->is_entry) return to_caller(value);
  note_inlining(value, definition->at);
  if (definition->is_filled) {
    filled(value, definition->at);
    return false;
  }
  if (value.spot.kind == Spot::Kind::kSlot) return by_slot_write(value, definition->at);
  return by_register_write(value, definition->at);
}

// Is what is written there made of what stood there before: i + 1, p + 1?
bool OriginTrace::steps_itself(const Followed& value, size_t definition) {
  const auto& code = value.body->code();
  if (is_increment(code[definition], value.spot)) return true;
  if (value.spot.kind != Spot::Kind::kSlot) return false;
  const auto& layout = value.body->flow().layout();
  const auto is_slot = [&](size_t at) {
    return !code[at].memory.empty() && layout.slot(at, code[at].memory[0]) == value.spot.offset;
  };
  if (!code[definition].stores_register)
    return is_slot(definition) && code[definition].memory[0].access == isa::Access::kReadWrite;
  RegisterId id = *code[definition].stores_register;
  size_t at = definition;
  bool moved = false;
  for (int depth = 0; depth < kMaxSelfDepth; ++depth) {
    const auto from = code.definitions(at, id);
    if (from.at.size() != 1 || from.lost || from.from_entry) return false;
    at = from.at[0];
    const Instruction& one = code[at];
    if (one.writes.empty() || one.writes[0] != id) return false;
    if (one.loads_destination && is_slot(at)) return moved;
    if (one.copy_of) {
      id = *one.copy_of;
    } else if (one.address_of && one.address_of->base) {
      id = *one.address_of->base;
      moved = true;
    } else {
      return false;
    }
  }
  return false;
}

// Could this write have given the value that is known?
bool OriginTrace::may_be(const Followed& value, size_t definition) {
  if (!value.value) return true;
  const Instruction& one = value.body->code()[definition];
  const uint64_t wanted = *value.value;
  if (value.spot.kind == Spot::Kind::kSlot) {
    const auto constant = process::stored_constant(value.body->code(), definition);
    if (constant) return *constant == (value.spot.size >= 8 ? wanted : wanted & 0xffff'ffff);
    if (!one.stores_register || value.spot.size < 8) return true;
    const auto stored = value.body->flow().value(definition, *one.stores_register);
    return !stored || *stored == wanted;
  }
  if (one.flow == Flow::kCall || one.writes.empty() || one.writes[0] != value.spot.id) return true;
  if (one.constant) return *one.constant == wanted;
  if (one.copy_of) {
    const auto source = value.body->flow().value(definition, *one.copy_of);
    return !source || one.extended(*source) == wanted;
  }
  if (one.address_of) {
    const auto sum = value.body->flow().address(definition, *one.address_of);
    return !sum || sum->value == wanted;
  }
  return true;
}

std::optional<OriginTrace::Definition> OriginTrace::choose(const Followed& value) {
  const Reaching reaching = value.body->flow().reaching(value.at, value.spot, value.value);
  std::vector<Definition> candidates;
  for (const size_t at : reaching.at) {
    const bool steps = reaching.at.size() > 1 && steps_itself(value, at);
    if (!steps && may_be(value, at)) candidates.push_back({.at = at});
  }
  if (reaching.from_entry) candidates.push_back({.at = value.at, .is_entry = true});
  // What a call was given the address of it may have written, unless the value is what was there.
  const bool kept = candidates.size() == 1 && !candidates[0].is_entry && value.value &&
                    process::stored_constant(value.body->code(), candidates[0].at);
  std::vector<size_t> through;
  for (const size_t call : reaching.through)
    if (fills_slot(value, call) != Fills::kNever) through.push_back(call);
  for (const size_t call : through) {
    if (kept) {
      filled(value, call);
    } else {
      candidates.push_back({.at = call, .is_filled = true});
    }
  }
  if (candidates.size() > 1 && value.spot.kind == Spot::Kind::kSlot && !through.empty()) {
    // Any of the calls that had the address.
    for (size_t i = 1; i < std::min(through.size(), kMaxAlternatives); ++i)
      filled(value, through[i]);
    return Definition{.at = through[0], .is_filled = true};
  }
  if (candidates.size() == 1) return candidates[0];
  if (candidates.empty()) {
    lost(value, value.at,
         reaching.lost || !reaching.at.empty() || reaching.excluded > 0
             ? "the code before it cannot be followed"
             : fmt::format("{} was never set before it was used", quoted(value.name)));
    if (!reaching.lost && reaching.at.empty() && reaching.excluded == 0 && !has_writers_ &&
        value.spot.kind == Spot::Kind::kSlot)
      trail_.suspect(place(*value.body, value.at), value.body->frame(), Reason::kUsedUnset,
                     fmt::format("uses {} without setting it", quoted(value.name)));
    return std::nullopt;
  }
  // A constant that is the value beats what could merely have been it.
  std::vector<Definition> constants;
  for (const Definition& one : candidates) {
    if (one.is_entry || one.is_filled || !value.value) continue;
    const bool is_slot = value.spot.kind == Spot::Kind::kSlot;
    if (is_slot ? process::stored_constant(value.body->code(), one.at).has_value()
                : value.body->code()[one.at].constant.has_value())
      constants.push_back(one);
  }
  if (constants.size() == 1) return constants[0];
  if (const auto link = the_link(value, candidates)) return link;
  ambiguous(value, reaching, candidates);
  return std::nullopt;
}

// p = p->next beside p = first: what went wrong on the way is more likely than at the start.
std::optional<OriginTrace::Definition> OriginTrace::the_link(
    const Followed& value, const std::vector<Definition>& candidates) {
  const auto& code = value.body->code();
  std::optional<Definition> link;
  for (const Definition& one : candidates) {
    if (one.is_entry || one.is_filled) continue;
    size_t at = one.at;
    if (value.spot.kind == Spot::Kind::kSlot) {
      if (!code[at].stores_register) continue;
      const auto from = code.definitions(at, *code[at].stores_register);
      if (from.at.size() != 1) continue;
      at = from.at[0];
    }
    if (!code[at].loads_destination || code[at].memory.empty() || !code[at].memory[0].base)
      continue;
    const RegisterId base = *code[at].memory[0].base;
    bool itself = value.spot.kind == Spot::Kind::kRegister && base == value.spot.id;
    if (value.spot.kind == Spot::Kind::kSlot) {
      const auto from = code.definitions(at, base);
      itself = from.at.size() == 1 && !code[from.at[0]].memory.empty() &&
               value.body->flow().layout().slot(from.at[0], code[from.at[0]].memory[0]) ==
                   value.spot.offset;
    }
    if (!itself) continue;
    if (link) return std::nullopt;
    link = one;
  }
  return link;
}

void OriginTrace::ambiguous(const Followed& value, const Reaching& reaching,
                            const std::vector<Definition>& candidates) {
  std::vector<std::string> places;
  for (const Definition& one : candidates) {
    if (places.size() >= kMaxAlternatives) break;
    const CodePlace& where = place(*value.body, one.at);
    const std::string text = one.is_entry ? "its caller" : where.text();
    if (std::ranges::find(places, text) == places.end()) places.push_back(text);
    if (!one.is_entry)
      trail_.suspect_elsewhere(where, value.body->frame(), Reason::kMayHaveMade,
                               fmt::format("may have set {}", quoted(value.name)));
  }
  lost(value, value.at,
       fmt::format("{} may have been set in {} places{}: {}", quoted(value.name), candidates.size(),
                   reaching.lost ? " or more" : "", fmt::join(places, ", ")));
}

// The value crossed from one inlined function into another.
void OriginTrace::note_inlining(const Followed& value, size_t definition) {
  const CodePlace used = place(*value.body, value.at), made = place(*value.body, definition);
  if (used.function == made.function || made.role != CodeRole::kUser) return;
  const auto contains = [](const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
  };
  if (contains(made.callers, used.function)) {
    trail_.step(Kind::kReturn,
                fmt::format("{} came out of {}, which is inlined", quoted(value.name), made.text()),
                made, value.body->frame());
    trail_.suspect(used, value.body->frame(),
                   is_error_value(value.value) ? Reason::kDidNotCheck : Reason::kGotIt,
                   fmt::format("used what {} gave it as it came", made.name()));
    trail_.suspect(made, value.body->frame(),
                   is_error_value(value.value) ? Reason::kReturnedIt : Reason::kGotIt,
                   fmt::format("gave {} away", value_words(value.value)));
  } else if (contains(used.callers, made.function)) {
    trail_.step(Kind::kArgument,
                fmt::format("{} gave it to {}, which is inlined", made.text(), used.name()), made,
                value.body->frame());
    trail_.suspect(made, value.body->frame(), Reason::kHandedOn,
                   fmt::format("passed {} on", quoted(value.name)));
  }
}

void OriginTrace::constant(const Followed& value, size_t at, uint64_t constant) {
  const CodePlace& where = place(*value.body, at);
  const std::string what = constant == 0 ? "null" : to_hex(constant);
  trail_.step(Kind::kConstant,
              fmt::format("{} sets {} to {}", where.text(), quoted(value.name), what), where,
              value.body->frame());
  const bool is_address = code_.site().image.mapping_at(Address(constant)) != nullptr;
  trail_.suspect(where, value.body->frame(), is_address ? Reason::kHandedOut : Reason::kMadeIt,
                 fmt::format("sets {} to {}", quoted(value.name), what));
}

bool OriginTrace::by_slot_write(Followed& value, size_t definition) {
  const auto& code = value.body->code();
  const Instruction& one = code[definition];
  if (one.stores_register) {
    value.name = value.name.empty() ? name_of(value, definition, *one.stores_register) : value.name;
    value.at = definition;
    value.spot = Spot::in_register(*one.stores_register);
    return true;
  }
  if (const auto stored = process::stored_constant(code, definition)) {
    constant(value, definition, *stored);
    return false;
  }
  lost(value, definition,
       fmt::format("{} was written by `{}` at {}", quoted(value.name), one.text,
                   place(*value.body, definition).at()));
  trail_.suspect_elsewhere(place(*value.body, definition), value.body->frame(),
                           Reason::kMayHaveMade, fmt::format("computed {}", quoted(value.name)));
  return false;
}

bool OriginTrace::by_register_write(Followed& value, size_t definition) {
  const Instruction& one = value.body->code()[definition];
  if (one.flow == Flow::kCall) return returned(value, definition);
  const bool first = !one.writes.empty() && one.writes[0] == value.spot.id;
  if (first && one.constant) {
    constant(value, definition, *one.constant);
    return false;
  }
  if (first && one.copy_of) {
    value.at = definition;
    value.spot = Spot::in_register(*one.copy_of);
    return true;
  }
  if (first && one.loads_destination && !one.memory.empty()) {
    if (const auto slot = value.body->flow().layout().slot(definition, one.memory[0])) {
      value.at = definition;
      value.spot = Spot::in_slot(*slot, one.memory[0].size);
      return true;
    }
    return loaded(value, definition);
  }
  if (first && one.address_of) return by_sum(value, definition);
  const bool widens = one.mnemonic == "cdqe" || one.mnemonic == "cwde";
  if (first && widens) {
    value.at = definition;
    return true;
  }
  const CodePlace& where = place(*value.body, definition);
  lost(value, definition,
       fmt::format("{} was computed by `{}` at {}", quoted(value.name), one.text, where.text()));
  trail_.suspect_elsewhere(where, value.body->frame(), Reason::kMayHaveMade,
                           fmt::format("computed {}", quoted(value.name)));
  return false;
}

}  // namespace inquest::diagnosis
