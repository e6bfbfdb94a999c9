// Types: what a type DIE says, and how it is written in source.
#include <algorithm>
#include <iterator>

#include "binary/dwarf/constants.h"
#include "binary/dwarf/impl.h"

namespace inquest::dwarf {
namespace {

constexpr size_t kMaxMembers = 1 << 16;
constexpr size_t kMaxDimensions = 32;
constexpr int kMaxTypeDepth = 24;
constexpr size_t kMaxTypeName = 4096;

TypeKind base_kind(uint64_t encoding) {
  switch (encoding) {
    case kAteBoolean:
      return TypeKind::kBool;
    case kAteComplexFloat:
      return TypeKind::kOther;
    case kAteFloat:
      return TypeKind::kFloat;
    case kAteSigned:
      return TypeKind::kSigned;
    case kAteUnsigned:
    case kAteAddress:
      return TypeKind::kUnsigned;
    case kAteSignedChar:
    case kAteUnsignedChar:
    case kAteUtf:
    case kAteAscii:
      return TypeKind::kChar;
    default:
      return TypeKind::kOther;
  }
}

TypeKind kind_of(Store& store, const Die& die) {
  switch (die.tag()) {
    case kTagBaseType:
      return base_kind(unsigned_attribute(die, kAtEncoding).value_or(0));
    case kTagPointerType:
      return TypeKind::kPointer;
    case kTagReferenceType:
      return TypeKind::kReference;
    case kTagRvalueReferenceType:
      return TypeKind::kRvalueReference;
    case kTagPtrToMemberType:
      return TypeKind::kMemberPointer;
    case kTagStructureType:
      return TypeKind::kStruct;
    case kTagClassType:
    case kTagInterfaceType:
      return TypeKind::kClass;
    case kTagUnionType:
      return TypeKind::kUnion;
    case kTagEnumerationType:
      return TypeKind::kEnum;
    case kTagArrayType:
      return TypeKind::kArray;
    case kTagSubroutineType:
      return TypeKind::kFunction;
    case kTagTypedef:
    case kTagTemplateAlias:
      return TypeKind::kTypedef;
    case kTagConstType:
      return TypeKind::kConst;
    // restrict and _Atomic change nothing about the bytes either.
    case kTagVolatileType:
    case kTagRestrictType:
    case kTagAtomicType:
      return TypeKind::kVolatile;
    case kTagUnspecifiedType:
      return store.text(die, kAtName) == "void" ? TypeKind::kVoid : TypeKind::kOther;
    default:
      return TypeKind::kOther;
  }
}

bool is_transparent(const Die& die) {
  switch (die.tag()) {
    case kTagTypedef:
    case kTagTemplateAlias:
    case kTagConstType:
    case kTagVolatileType:
    case kTagRestrictType:
    case kTagAtomicType:
      return true;
    default:
      return false;
  }
}

// The members stand elsewhere. gcc writes a bare DW_AT_signature for a type that went to a type
// unit and does not call it a declaration.
bool is_declared_only(const Die& die) {
  return flag(die, kAtDeclaration) || static_cast<bool>(attribute(die, kAtSignature));
}

// Through typedefs and qualifiers; empty for void and for loops.
Die strip_die(Store& store, Die die) {
  for (int hops = 0; die && hops < kMaxTypeDepth; ++hops) {
    if (!is_transparent(die)) return die;
    die = store.reference(die, kAtType);
  }
  return {};
}

// Calls `visit` for each child of the DIE itself.
template <typename Visit>
void for_each_child(Store& store, const Die& parent, Visit&& visit) {
  Walker walker(store, parent);
  if (!walker.next()) return;
  while (walker.next()) {
    visit(walker.die());
    walker.skip_children();
  }
}

std::optional<uint64_t> element_count(const Die& subrange) {
  const auto count = attribute(subrange, kAtCount);
  if (count) return unsigned_constant(count);
  const auto upper = constant(attribute(subrange, kAtUpperBound));
  if (!upper) return std::nullopt;
  // data forms say nothing about the sign: an upper bound of −1 is an empty array.
  const Value raw = attribute(subrange, kAtUpperBound);
  const bool minus_one = (raw.form == kFormData1 && *upper == 0xff) ||
                         (raw.form == kFormData2 && *upper == 0xffff) ||
                         (raw.form == kFormData4 && *upper == 0xffffffff) || *upper == -1;
  if (minus_one)
    return raw.form == kFormData1 || raw.form == kFormData2 ? static_cast<uint64_t>(*upper) + 1 : 0;
  const int64_t lower = constant(attribute(subrange, kAtLowerBound)).value_or(0);
  if (*upper < lower) return 0;
  return static_cast<uint64_t>(*upper) - static_cast<uint64_t>(lower) + 1;
}

std::vector<std::optional<uint64_t>> dimensions_of(Store& store, const Die& array) {
  std::vector<std::optional<uint64_t>> dimensions;
  for_each_child(store, array, [&](const Die& child) {
    const bool counts = child.tag() == kTagSubrangeType || child.tag() == kTagEnumerationType;
    if (counts && dimensions.size() < kMaxDimensions) dimensions.push_back(element_count(child));
  });
  return dimensions;
}

std::optional<uint64_t> size_of(Store& store, const Die& die, int depth = 0) {
  if (!die || depth > kMaxTypeDepth) return std::nullopt;
  const auto size = unsigned_attribute(die, kAtByteSize);
  if (size) return size;
  // Declared here, defined in a type unit.
  if (const Die definition = store.reference(die, kAtSignature))
    return size_of(store, definition, depth + 1);
  switch (die.tag()) {
    case kTagPointerType:
    case kTagReferenceType:
    case kTagRvalueReferenceType:
      return die.unit->layout.address_size;
    case kTagArrayType: {
      auto total = size_of(store, store.reference(die, kAtType), depth + 1);
      const auto dimensions = dimensions_of(store, die);
      if (dimensions.empty()) return std::nullopt;
      for (const auto& count : dimensions)
        total = total && count ? checked_multiply(*total, *count) : std::nullopt;
      return total;
    }
    default:
      if (is_transparent(die)) return size_of(store, store.reference(die, kAtType), depth + 1);
      return std::nullopt;
  }
}

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
      member->discriminant = unsigned_constant(value);
      member->is_default_variant = is_default;
      type.members.push_back(std::move(*member));
    });
  });
}

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

bool is_c(const Unit& unit) {
  const uint16_t language = unit.root.language;
  return language == 0x01 || language == 0x02 || language == 0x0c || language == 0x1d ||
         language == 0x2c;
}

class TypeWriter {
 public:
  explicit TypeWriter(Store& store) : store_(store) {}

  // C's declarators read inside out: `inner` is what was written so far, around which this type
  // goes.
  std::string write(const Die& die, std::string inner, int depth) {
    if (!die) return "void" + inner;
    if (depth > kMaxTypeDepth || inner.size() > kMaxTypeName) return "…" + inner;
    switch (die.tag()) {
      case kTagPointerType:
        return around(die, "*" + inner, depth);
      case kTagReferenceType:
        return around(die, "&" + inner, depth);
      case kTagRvalueReferenceType:
        return around(die, "&&" + inner, depth);
      case kTagPtrToMemberType: {
        const Die owner = store_.reference(die, kAtContainingType);
        return around(die, " " + (owner ? qualified_name(store_, owner) : "?") + "::*" + inner,
                      depth);
      }
      case kTagConstType:
        return qualify(die, "const", std::move(inner), depth);
      case kTagVolatileType:
        return qualify(die, "volatile", std::move(inner), depth);
      case kTagRestrictType:
        return write(store_.reference(die, kAtType), inner, depth + 1);
      case kTagAtomicType:
        return qualify(die, "_Atomic", std::move(inner), depth);
      case kTagArrayType: {
        std::string bounds;
        for (const auto& count : dimensions_of(store_, die))
          bounds += "[" + (count ? std::to_string(*count) : "") + "]";
        return write(store_.reference(die, kAtType), wrap(std::move(inner)) + bounds, depth + 1);
      }
      case kTagSubroutineType:
        return write(store_.reference(die, kAtType),
                     " " + wrap_pointer(inner) + parameters(die, depth), depth + 1);
      default:
        return plain_name(die) + inner;
    }
  }

 private:
  // Rust and Go name their pointer types; C and C++ build them.
  std::string around(const Die& die, std::string inner, int depth) {
    const auto name = store_.text(die, kAtName);
    if (name && !name->empty()) return std::string(*name) + inner.substr(1);
    return write(store_.reference(die, kAtType), std::move(inner), depth + 1);
  }

  std::string qualify(const Die& die, const char* word, std::string inner, int depth) {
    const Die target = store_.reference(die, kAtType);
    const bool behind =
        target && (target.tag() == kTagPointerType || target.tag() == kTagReferenceType);
    if (behind) return write(target, std::string(" ") + word + inner, depth + 1);
    return std::string(word) + " " + write(target, std::move(inner), depth + 1);
  }

  static std::string wrap(std::string inner) {
    return inner.empty() || inner.front() == '[' ? inner : " (" + inner + ")";
  }
  static std::string wrap_pointer(const std::string& inner) {
    return inner.empty() ? inner : "(" + inner + ")";
  }

  std::string parameters(const Die& die, int depth) {
    std::string list;
    for_each_child(store_, die, [&](const Die& child) {
      if (list.size() > kMaxTypeName) return;
      const bool known = child.tag() == kTagFormalParameter;
      if (!known && child.tag() != kTagUnspecifiedParameters) return;
      if (!list.empty()) list += ", ";
      list += known ? write(store_.reference(child, kAtType), "", depth + 1) : "...";
    });
    return "(" + list + ")";
  }

  std::string plain_name(const Die& die) {
    std::string name = qualified_name(store_, die);
    const char* keyword = die.tag() == kTagStructureType     ? "struct"
                          : die.tag() == kTagUnionType       ? "union"
                          : die.tag() == kTagEnumerationType ? "enum"
                          : die.tag() == kTagClassType       ? "class"
                                                             : "";
    if (name.empty()) return *keyword != 0 ? std::string(keyword) + " {...}" : "?";
    return *keyword != 0 && is_c(*die.unit) ? std::string(keyword) + " " + name : name;
  }

  Store& store_;
};

}  // namespace

Type DebugInfo::type(DieRef ref) {
  Store& store = impl_->store;
  store.work().start();
  Type type;
  type.die = ref;
  const Die die = store.die(ref);
  if (!die) return type;
  type.kind = kind_of(store, die);
  type.name = qualified_name(store, die);
  type.size = size_of(store, die);
  type.target = store.reference_ref(die, kAtType);
  // An instance of a function says nothing that its declaration has said, the return type included.
  if (!type.target && die.tag() == kTagSubprogram) {
    const Identity identity = identify(store, die);
    if (identity.named) type.target = store.reference_ref(identity.named, kAtType);
  }
  type.is_declaration = is_declared_only(die);
  if (type.kind == TypeKind::kArray) type.dimensions = dimensions_of(store, die);
  if (type.kind == TypeKind::kEnum) read_enumerators(store, die, type);
  if (type.kind == TypeKind::kStruct || type.kind == TypeKind::kClass ||
      type.kind == TypeKind::kUnion)
    read_contents(store, die, type);
  return type;
}

Type DebugInfo::strip(DieRef ref) {
  Store& store = impl_->store;
  store.work().start();
  const Die stripped = strip_die(store, store.die(ref));
  if (!stripped) {
    Type nothing;
    nothing.die = ref;
    nothing.kind = TypeKind::kVoid;
    return nothing;
  }
  Die definition = stripped;
  if (is_declared_only(stripped)) {
    definition = store.reference(stripped, kAtSignature);
    if (!definition) {
      const std::string name = qualified_name(store, stripped);
      auto* unit = const_cast<Unit*>(stripped.unit);
      if (!name.empty()) definition = dwarf::find_type(store, name, unit);
    }
    if (!definition) definition = stripped;
  }
  Type result = type(store.ref(definition));
  return result;
}

std::string DebugInfo::type_name(DieRef ref) {
  impl_->store.work().start();
  const Die die = impl_->store.die(ref);
  return die ? TypeWriter(impl_->store).write(die, "", 0) : std::string();
}

std::optional<DieRef> DebugInfo::find_type(std::string_view qualified) {
  impl_->store.work().start();
  const Die die = dwarf::find_type(impl_->store, qualified, nullptr);
  return die ? std::optional(impl_->store.ref(die)) : std::nullopt;
}

std::optional<DebugInfo::GlobalInfo> DebugInfo::global_at(uint64_t link_address) {
  Store& store = impl_->store;
  store.work().start();
  uint64_t start = 0;
  const Die die = find_variable(store, link_address, &start);
  if (!die) return std::nullopt;
  const Identity identity = identify(store, die);
  GlobalInfo info{.name = qualified_name(store, die), .die = store.ref(die)};
  // The type may stand at the declaration inside the class.
  info.type = store.reference_ref(die, kAtType);
  if (!info.type && identity.named) info.type = store.reference_ref(identity.named, kAtType);
  info.address = start;
  info.size = info.type ? size_of(store, store.die(*info.type)).value_or(0) : 0;
  const bool covers = link_address - start < std::max<uint64_t>(info.size, 1);
  return covers ? std::optional(std::move(info)) : std::nullopt;
}

}  // namespace inquest::dwarf
