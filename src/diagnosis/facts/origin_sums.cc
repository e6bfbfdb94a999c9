// OriginTrace: through sums, out of the function to its caller, and what no path sets.
#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/origin_trace.h"

namespace inquest::diagnosis {

using isa::Flow;
using isa::Instruction;
using isa::RegisterId;
using process::Spot;
using Kind = OriginStep::Kind;

namespace {

constexpr size_t kMaxToCall = 12;  // instructions between an address and the call it is for

// An unsigned subtraction of a constant that went below zero.
bool wraps(const isa::MemoryOperand& sum, std::optional<uint64_t> result) {
  constexpr int64_t kMostTaken = 1 << 16;
  if (!result || sum.index || sum.displacement >= 0 || sum.displacement < -kMostTaken) return false;
  const bool narrow = *result >> 32 == 0;
  const uint64_t top = narrow ? 0xffff'ffff : ~uint64_t{0};
  return top - *result < static_cast<uint64_t>(-sum.displacement);
}

}  // namespace

// A sum is followed to the part of it that matters: the only register, or the pointer.
bool OriginTrace::by_sum(Followed& value, size_t definition) {
  const isa::MemoryOperand& sum = *value.body->code()[definition].address_of;
  auto& flow = value.body->flow();
  if (const auto slot = flow.layout().slot(definition, sum)) {
    const CodePlace& where = place(*value.body, definition);
    trail_.step(Kind::kRegister,
                fmt::format("{} is the address of a local variable of {}", quoted(value.name),
                            where.text()),
                where, value.body->frame());
    // Of a function that still runs, that is nothing unusual.
    if (!value.body->frame())
      trail_.suspect(where, std::nullopt, Reason::kMadeIt,
                     "handed out the address of a local variable");
    return false;
  }
  if (!sum.base && !sum.index) {
    lost(value, definition, fmt::format("{} was computed", quoted(value.name)));
    return false;
  }
  std::optional<uint64_t> base, index;
  if (sum.base) base = flow.value(definition, *sum.base);
  if (sum.index) index = flow.value(definition, *sum.index);
  // Where the memory is there, the address is not what went wrong.
  if (sum.index && !about_bounds_ &&
      (!value.value || code_.site().image.mapping_at(Address(*value.value)) != nullptr))
    return false;
  // A part that was overwritten by the sum is what the others leave of it.
  if (value.value && !sum.truncated32) {
    const uint64_t rest = *value.value - static_cast<uint64_t>(sum.displacement);
    if (sum.base && !base && (!sum.index || index)) base = rest - index.value_or(0) * sum.scale;
    if (sum.index && !index && (!sum.base || base)) index = (rest - base.value_or(0)) / sum.scale;
  }
  const bool takes_index = !sum.base || (sum.index && is_culprit(value, definition, base, index));
  const auto is_mapped = [&](std::optional<uint64_t> part) {
    return part && code_.site().image.mapping_at(Address(*part)) != nullptr;
  };
  const bool led_away = sum.base && sum.index && is_mapped(takes_index ? base : index) &&
                        !is_mapped(takes_index ? index : base);
  const auto taken = takes_index ? index : base;
  const bool is_address = taken && *taken >= uint64_t{1} << 32 && *taken >> 47 == 0;
  if (led_away || (sum.base && takes_index && !is_address)) {
    about_bounds_ = true;
    about_lifetime_ = false;
    trail_.met_bounds();
  }
  const std::optional<RegisterId> next = takes_index ? sum.index : sum.base;
  if (wraps(sum, value.value)) {
    const CodePlace& where = place(*value.body, definition);
    trail_.step(
        Kind::kRegister,
        fmt::format("{} subtracts {} from {}, which is less: {} becomes {}", where.text(),
                    -sum.displacement,
                    static_cast<uint32_t>(*value.value) - static_cast<uint32_t>(sum.displacement),
                    quoted(value.name), value_words(value.value)),
        where, value.body->frame());
    trail_.suspect(where, value.body->frame(), Reason::kMadeIt,
                   fmt::format("computed {}: the subtraction wraps", quoted(value.name)));
    return false;
  }
  if (sum.displacement < 0)
    trail_.suspect_elsewhere(place(*value.body, definition), value.body->frame(), Reason::kComputed,
                             fmt::format("computed {}", quoted(value.name)));
  value.name = name_of(value, definition, *next);
  value.value = takes_index ? index : base;
  value.at = definition;
  value.spot = Spot::in_register(*next);
  return true;
}

// Of base + index: is it the second that made the sum bad?
bool OriginTrace::is_culprit(const Followed& value, size_t definition, std::optional<uint64_t> base,
                             std::optional<uint64_t> index) {
  const isa::MemoryOperand& sum = *value.body->code()[definition].address_of;
  const auto is_mapped = [&](std::optional<uint64_t> address) {
    return address && code_.site().image.mapping_at(Address(*address)) != nullptr;
  };
  // A whole address where nothing is mapped any more, and a number that could be an index.
  constexpr uint64_t kWhole = uint64_t{1} << 32;
  const auto is_gone = [&](std::optional<uint64_t> address, std::optional<uint64_t> other) {
    return address && other && *address >= kWhole && *other < kWhole && *address >> 47 == 0 &&
           !is_mapped(address);
  };
  if (is_gone(base, index)) return false;
  if (sum.scale == 1 && is_gone(index, base)) return true;
  // Without a scale, compilers put the pointer into either place.
  if (is_mapped(base)) return !is_mapped(index) || sum.scale != 1;
  if (is_mapped(index)) return sum.scale != 1;
  process::SourceNames* names = value.body->names();
  if (names == nullptr || sum.scale != 1) return false;
  const Address pc = value.body->code()[definition].pc;
  const auto is_pointer = [&](RegisterId id) {
    const auto found = names->register_at(pc, id);
    return found && found->type.find('*') != std::string::npos;
  };
  return is_pointer(*sum.index) && !is_pointer(*sum.base);
}

// A slot that no path writes; arrays are written in ways that nobody can follow.
void OriginTrace::never_set(const Followed& value) {
  const auto& layout = value.body->flow().layout();
  constexpr int64_t kMaxObject = 4096;
  const auto& code = value.body->code();
  // What was passed to a call was asked about on the way here.
  const auto is_passed = [&](size_t at) {
    for (size_t i = at; i < std::min(at + kMaxToCall, code.size()); ++i)
      if (code[i].flow == Flow::kCall) return true;
    return false;
  };
  const bool reached_otherwise =
      std::ranges::any_of(layout.taken(), [&](const process::StackLayout::Taken& taken) {
        return taken.slot <= value.spot.offset && value.spot.offset - taken.slot < kMaxObject &&
               !is_passed(taken.at);
      });
  bool indexed = false;
  for (size_t i = 0; i < value.body->code().size() && !indexed; ++i) {
    for (const isa::MemoryOperand& operand : value.body->code()[i].memory)
      indexed = indexed || (operand.index && operand.base && operand.access != isa::Access::kRead &&
                            layout.pointer(i, *operand.base));
  }
  if (reached_otherwise || indexed || has_writers_) {
    lost(value, value.at,
         fmt::format("{} was set in a way that cannot be followed", quoted(value.name)));
    return;
  }
  lost(value, value.at, fmt::format("{} was never set before it was used", quoted(value.name)));
  trail_.suspect(place(*value.body, value.at), value.body->frame(), Reason::kUsedUnset,
                 fmt::format("uses {} without setting it", quoted(value.name)));
}

// A pointer to something else is made out to be one to `wanted_`: where did it have its own type?
void OriginTrace::blame_cast(FunctionBody& body, size_t at, RegisterId id) {
  process::SourceNames* names = body.names();
  if (!is_wrong_object_ || wanted_.empty() || names == nullptr) return;
  const auto known = names->register_at(body.code()[at].pc, id);
  const std::string type = known ? pointee(known->type) : "";
  if (type.empty() || type == "void" || type == "char" || type == wanted_ ||
      (!known->type.ends_with('*') && !known->type.ends_with('&')))
    return;
  const CodePlace& where = place(body, body.current());
  trail_.step(
      Kind::kArgument,
      fmt::format("{} takes `{}`, a {}, for a {}", where.text(), known->text, type, wanted_), where,
      body.frame());
  trail_.suspect(where, body.frame(), Reason::kCasts,
                 fmt::format("takes a {} for a {}", type, wanted_));
  is_wrong_object_ = false;
}

bool OriginTrace::to_caller(Followed& value) {
  if (value.spot.kind == Spot::Kind::kRegister) {
    if (const auto entry = value.body->code().at(value.body->code().entry()))
      blame_cast(*value.body, *entry, value.spot.id);
  }
  const auto frame = value.body->frame();
  const auto& frames = code_.site().stack.frames;
  if (!frame || *frame + 1 >= frames.size() || frames[*frame + 1].interrupted ||
      frames[*frame].is_signal_handler_return || frames[*frame + 1].is_signal_handler_return) {
    lost(value, value.at,
         fmt::format("{} came from the caller, which is not known", quoted(value.name)));
    return false;
  }
  FunctionBody* caller = code_.of_frame(*frame + 1);
  if (caller == nullptr) {
    lost(value, value.at,
         fmt::format("{} came from the caller, whose code is not at hand", quoted(value.name)));
    return false;
  }
  const size_t call = caller->current();
  const Instruction& one = caller->code()[call];
  // A call, or a jump that stands for one: the callee returns for its caller.
  const bool jumped = one.flow == Flow::kJump;
  if (one.flow != Flow::kCall && !(jumped && value.spot.kind == Spot::Kind::kRegister)) {
    lost(
        value, value.at,
        fmt::format("{} came from the caller, and how it called is not known", quoted(value.name)));
    return false;
  }
  if (one.target.direct) {
    const auto entered = code_.range_of(code_.through_stub(*one.target.direct));
    if (entered && entered->start != value.body->code().entry()) {
      lost(value, value.at,
           fmt::format("{} was reached by a jump out of {}(): what that passed on is not known",
                       place(*value.body, value.at).name(), code_.name_of(*one.target.direct)));
      return false;
    }
  }
  Followed up = value;
  up.body = caller;
  up.at = call;
  bool is_argument = true;
  if (value.spot.kind == Spot::Kind::kSlot) {
    const auto sp = caller->flow().layout().pointer(call, isa::sp_register(caller->code().arch()));
    if (!sp || value.spot.offset < 0) {
      never_set(value);
      return false;
    }
    up.spot.offset = *sp + value.spot.offset;
  } else {
    is_argument = !isa::is_callee_saved(caller->code().arch(), value.spot.id);
    up.name = name_of(up, call, value.spot.id);
  }
  if (value.spot.kind == Spot::Kind::kRegister) blame_cast(*caller, call, value.spot.id);
  if (is_argument) {
    const CodePlace& where = place(*caller, call);
    const std::string what = up.name.empty() || up.name == value.name
                                 ? quoted(value.name)
                                 : fmt::format("`{}` as {}", up.name, quoted(value.name));
    trail_.step(
        Kind::kArgument,
        fmt::format("{} passed {} to {}", where.text(), what, place(*value.body, value.at).name()),
        where, caller->frame());
    trail_.suspect(where, caller->frame(), Reason::kHandedOn,
                   fmt::format("passed {} on without a check", quoted(up.name)));
  }
  value = std::move(up);
  return true;
}

}  // namespace inquest::diagnosis
