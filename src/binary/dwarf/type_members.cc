// Members of structures, bit fields, variants of Rust enums, enumerators.
#include <iterator>

#include "binary/dwarf/type_shape.h"

namespace inquest::dwarf {
namespace {

constexpr size_t kMaxMembers = 1 << 16;

// DW_AT_data_member_location: a constant, or an expression that adds one (DWARF 2).
std::optional<uint64_t> member_offset(const Die& member) {
  const Value location = attribute(member, kAtDataMemberLocation);
  if (!location) return 0;
  if (const auto number = unsigned_constant(location)) return number;
  if (!is_expression(location)) return std::nullopt;
  Reader reader(location.block);
  if (reader.u8() != kOpPlusUconst) return std::nullopt;
  const uint64_t offset = reader.uleb();
  return reader.ok() && reader.at_end() ? std::optional(offset) : std::nullopt;
}

void place_bits(Store& store, const Die& die, Member& member) {
  const auto bit_size = unsigned_attribute(die, kAtBitSize);
  if (!bit_size || *bit_size > 128) return;
  member.bit_size = static_cast<uint32_t>(*bit_size);
  if (const auto at = unsigned_attribute(die, kAtDataBitOffset)) {
    member.offset += *at / 8;
    member.bit_offset = static_cast<uint32_t>(*at % 8);
    return;
  }
  // DWARF 2 and 3 count from the most significant bit of the storage unit.
  const auto from_top = constant(attribute(die, kAtBitOffset));
  if (!from_top) return;
  const auto storage = unsigned_attribute(die, kAtByteSize);
  const uint64_t bytes =
      storage ? *storage : size_of(store, store.reference(die, kAtType)).value_or(0);
  const int64_t low = static_cast<int64_t>(bytes * 8) - *from_top - static_cast<int64_t>(*bit_size);
  if (bytes > 16 || low < 0 || low > 127) return;
  member.offset += static_cast<uint64_t>(low) / 8;
  member.bit_offset = static_cast<uint32_t>(low % 8);
}

std::optional<Member> read_member(Store& store, const Die& die) {
  const auto type = store.reference_ref(die, kAtType);
  if (!type) return std::nullopt;
  Member member;
  member.type = *type;
  member.name = store.text(die, kAtName).value_or("");
  if (die.tag() == kTagInheritance) {
    member.is_base = true;
    member.name.clear();
    member.is_virtual_base = unsigned_attribute(die, kAtVirtuality).value_or(0) != 0;
  } else {
    member.is_static =
        die.tag() == kTagVariable || flag(die, kAtDeclaration) || flag(die, kAtExternal);
  }
  const auto offset = member_offset(die);
  if (!offset && !member.is_virtual_base)
    return std::nullopt;  // computed at run time: not known here
  member.offset = member.is_static || member.is_virtual_base ? 0 : offset.value_or(0);
  place_bits(store, die, member);
  return member;
}

// Of up to 16 bytes, as long as the number fits into 8. (The tag of Option<u128> is a u128.)
std::optional<uint64_t> discriminant_value(const Value& value) {
  if (const auto number = constant(value)) return static_cast<uint64_t>(*number);
  if (value.block.size() > 16) return std::nullopt;
  uint64_t number = 0;
  for (size_t i = 0; i < value.block.size(); ++i) {
    if (i >= 8 && value.block[i] != 0) return std::nullopt;
    if (i < 8) number |= uint64_t{value.block[i]} << 8 * i;
  }
  return value.block.empty() ? std::nullopt : std::optional(number);
}

// DW_AT_discr_list: labels and ranges, unsigned.
std::vector<std::pair<uint64_t, uint64_t>> discriminant_ranges(const Value& list) {
  constexpr uint8_t kLabel = 0, kRange = 1;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  if (!list) return ranges;
  Reader reader(list.block);
  while (!reader.at_end() && ranges.size() < kMaxMembers) {
    const uint8_t kind = reader.u8();
    const uint64_t first = reader.uleb();
    const uint64_t last = kind == kRange ? reader.uleb() : first;
    if (!reader.ok() || (kind != kLabel && kind != kRange)) break;
    ranges.emplace_back(first, last);
  }
  return ranges;
}

// Rust enums: one variant_part, whose variants each have one member.
void read_variants(Store& store, const Die& part, Type& type) {
  const Die discriminant = store.reference(part, kAtDiscr);
  if (discriminant) {
    type.discriminant_type = store.reference_ref(discriminant, kAtType);
    type.discriminant_offset = member_offset(discriminant);
  }
  for_each_child(store, part, [&](const Die& variant) {
    if (variant.tag() != kTagVariant) return;
    const Value value = attribute(variant, kAtDiscrValue);
    const bool is_default = !value && !attribute(variant, kAtDiscrList);
    for_each_child(store, variant, [&](const Die& child) {
      if (child.tag() != kTagMember || type.members.size() >= kMaxMembers) return;
      auto member = read_member(store, child);
      if (!member) return;
      member->discriminant = discriminant_value(value);
      member->discriminant_ranges = discriminant_ranges(attribute(variant, kAtDiscrList));
      member->is_default_variant = is_default;
      type.members.push_back(std::move(*member));
    });
  });
}

}  // namespace

void read_contents(Store& store, const Die& die, Type& type) {
  for_each_child(store, die, [&](const Die& child) {
    if (type.members.size() >= kMaxMembers) return;
    switch (child.tag()) {
      case kTagMember:
      case kTagInheritance:
      case kTagVariable:
        if (auto member = read_member(store, child)) type.members.push_back(std::move(*member));
        break;
      case kTagVariantPart:
        read_variants(store, child, type);
        break;
      case kTagTemplateTypeParameter:
        if (const auto argument = store.reference_ref(child, kAtType))
          type.template_types.emplace_back(store.text(child, kAtName).value_or(""), *argument);
        break;
      default:
        break;
    }
  });
  // Bases first, and each kind in the order of the source.
  std::vector<Member> bases, rest;
  for (Member& member : type.members) (member.is_base ? bases : rest).push_back(std::move(member));
  bases.insert(bases.end(), std::make_move_iterator(rest.begin()),
               std::make_move_iterator(rest.end()));
  type.members = std::move(bases);
}

void read_enumerators(Store& store, const Die& die, Type& type) {
  for_each_child(store, die, [&](const Die& child) {
    if (child.tag() != kTagEnumerator || type.enumerators.size() >= kMaxMembers) return;
    const auto value = constant(attribute(child, kAtConstValue));
    if (value) type.enumerators.emplace_back(store.text(child, kAtName).value_or(""), *value);
  });
}

}  // namespace inquest::dwarf
