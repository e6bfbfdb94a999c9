// VariableReader::object_at: which variable of the source lies at an address, and as what.
#include "process/symbols/frame_variables.h"
#include "process/symbols/traced_value.h"
#include "process/symbols/variables.h"

namespace inquest::process {
namespace {

// Raw storage may hold anything.
bool is_bytes(Types& types, dwarf::DieRef type) {
  const dwarf::Type& stripped = types.strip(type);
  return is_integer(stripped) && types.size(type) == 1;
}

// A whole variable that is an array of numbers: aligned storage for something else.
bool is_raw_storage(Types& types, const Known& variable) {
  if (variable.form != Known::Form::kAddress || !variable.type) return false;
  const dwarf::Type& type = types.strip(*variable.type);
  return type.kind == dwarf::TypeKind::kArray && type.target &&
         is_integer(types.strip(*type.target));
}

std::optional<ObjectAt> described(Evidence& evidence, const Traced& place,
                                  std::string_view wanted) {
  const auto located = locate(evidence, place, 0, wanted);
  if (!located || located->from.types == nullptr) return std::nullopt;
  Types& types = *located->from.types;
  if (is_bytes(types, located->path.type) || is_raw_storage(types, located->from))
    return std::nullopt;
  ObjectAt out;
  out.text = spell(located->path.object);
  out.type = types.name(located->path.type);
  const bool fits = located->path.remainder == 0;
  if (!fits) return out;
  const dwarf::Type& found = types.strip(located->path.type);
  out.is_wanted = plain_type_name(types.name(located->path.type)) == wanted ||
                  plain_type_name(found.name) == wanted;
  // A class that has it for a base ends the way as well.
  if (!out.is_wanted && is_structure(found)) {
    for (const dwarf::Member& member : found.members) {
      if (!member.is_base) continue;
      out.is_wanted = out.is_wanted || plain_type_name(types.name(member.type)) == wanted;
    }
  }
  return out;
}

}  // namespace

std::optional<ObjectAt> VariableReader::object_at(Address address, std::string_view wanted,
                                                  const Stack* stack, size_t frame) {
  const std::string plain = plain_type_name(wanted);
  if (stack == nullptr) return described(evidence(), Traced::number(address.value), plain);
  if (frame >= stack->frames.size()) return std::nullopt;
  FrameContext context(evidence(), *stack, frame);
  if (context.types() == nullptr) return std::nullopt;
  FrameVariables variables(context);
  const auto place = variables.in_memory(context.link_pc(), address);
  return place ? described(evidence(), *place, plain) : std::nullopt;
}

}  // namespace inquest::process
