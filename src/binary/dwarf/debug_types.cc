// Types: what a type DIE says.
#include <algorithm>

#include "binary/dwarf/type_shape.h"

namespace inquest::dwarf {
namespace {

TypeKind base_kind(uint64_t encoding) {
  switch (encoding) {
    case kAteBoolean:
      return TypeKind::kBool;
    case kAteComplexFloat:
      return TypeKind::kComplex;
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

// The members stand elsewhere. gcc writes a bare DW_AT_signature for a type that went to a type
// unit and does not call it a declaration.
bool is_declared_only(const Die& die) {
  return flag(die, kAtDeclaration) || static_cast<bool>(attribute(die, kAtSignature));
}

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
  type.alignment = unsigned_attribute(die, kAtAlignment).value_or(0);
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
  return die ? write_type(impl_->store, die) : std::string();
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
