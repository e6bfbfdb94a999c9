#include "process/runtime/cpython/types.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace inquest::process::cpython {
namespace {

constexpr size_t kMaxTypesKept = 4096;

// PyTypeObject (Include/cpython/object.h): the same from 3.6 to 3.15.
constexpr uint32_t kBasicSize = 32, kItemSize = 40, kFlags = 168, kMembers = 240, kBase = 256,
                   kDictOffset = 288;
constexpr uint32_t kVariableSize = 16;  // ob_size
// PyMemberDef (Include/descrobject.h).
constexpr uint32_t kMemberSize = 40, kMemberType = 8, kMemberOffset = 16;
constexpr int32_t kObjectMember = 16;  // T_OBJECT_EX: what __slots__ makes

constexpr uint64_t kInlineValues = 1 << 2;  // 3.13+
constexpr uint64_t kManagedDict = 1 << 4;   // 3.11+
constexpr uint64_t kHeapType = 1 << 9;
constexpr uint64_t kExceptionClass = uint64_t{1} << 30;
constexpr uint64_t kTypeClass = uint64_t{1} << 31;

struct Named {
  std::string_view name;
  Kind kind;
};
constexpr std::array<Named, 30> kBuiltIns = {{
    {"NoneType", Kind::kNone},
    {"ellipsis", Kind::kEllipsis},
    {"NotImplementedType", Kind::kNotImplemented},
    {"bool", Kind::kBool},
    {"int", Kind::kInt},
    {"float", Kind::kFloat},
    {"complex", Kind::kComplex},
    {"str", Kind::kText},
    {"bytes", Kind::kBytes},
    {"bytearray", Kind::kByteArray},
    {"list", Kind::kList},
    {"tuple", Kind::kTuple},
    {"dict", Kind::kDict},
    {"set", Kind::kSet},
    {"frozenset", Kind::kSet},
    {"cell", Kind::kCell},
    {"module", Kind::kModule},
    {"function", Kind::kFunction},
    {"weakref", Kind::kWeakReference},  // until 3.11 …
    {"weakref.ReferenceType", Kind::kWeakReference},
    {"generator", Kind::kGenerator},
    {"coroutine", Kind::kCoroutine},
    {"async_generator", Kind::kAsyncGenerator},
    {"async_generator_asend", Kind::kAsyncStep},
    {"async_generator_athrow", Kind::kAsyncStep},
    {"coroutine_wrapper", Kind::kCoroutineWrapper},
    {"numpy.ndarray", Kind::kArray},
    // Made by their module when it is loaded (3.12+), before that as the others.
    {"_asyncio.Task", Kind::kTask},
    {"_asyncio.Future", Kind::kFuture},
    {"type", Kind::kType},
}};

Kind kind_of(std::string_view name, uint64_t flags) {
  if ((flags & kExceptionClass) != 0) return Kind::kException;
  if ((flags & kTypeClass) != 0) return Kind::kType;
  for (const Named& known : kBuiltIns) {
    // A class that somebody called "dict" is none.
    const bool may_be_heap = known.kind == Kind::kTask || known.kind == Kind::kFuture;
    if (known.name == name && ((flags & kHeapType) == 0 || may_be_heap)) return known.kind;
  }
  return Kind::kOther;
}

}  // namespace

std::string Type::at_address(Address object) const {
  return fmt::format("<{} at {}>", name, to_hex(object));
}

Result<const Type*> Types::of(Address object) const {
  if (!may_be_object(object))
    return Error(ErrorCode::kCorrupt, fmt::format("{} is no object", to_hex(object)));
  INQ_TRY(const Address type, objects_.pointer(object, objects_.layout().object_type));
  return at(type);
}

Result<const Type*> Types::at(Address type) const {
  if (const auto known = known_.find(type); known != known_.end()) return &known->second;
  INQ_TRY(Type read_type, read(type));
  if (known_.size() >= kMaxTypesKept)
    return Error(ErrorCode::kTooLarge, "more than enough types were read before it");
  return &known_.emplace(type, std::move(read_type)).first->second;
}

Result<Type> Types::read(Address address) const {
  Type type;
  INQ_TRY(type.name, objects_.name_of_type(address));
  if (type.name.empty()) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("the name of the type at {} cannot be read", to_hex(address)));
  }
  INQ_TRY(type.flags, objects_.field<uint64_t>(address, kFlags));
  INQ_TRY(type.basic_size, objects_.field<int64_t>(address, kBasicSize));
  INQ_TRY(type.item_size, objects_.field<int64_t>(address, kItemSize));
  INQ_TRY(type.dict_offset, objects_.field<int64_t>(address, kDictOffset));
  type.is_heap = (type.flags & kHeapType) != 0;
  if (type.is_heap && objects_.layout().heap_type_keys) {
    const auto keys = objects_.pointer(address, *objects_.layout().heap_type_keys);
    if (keys.ok()) type.cached_keys = keys->value;
  }
  type.kind = kind_of(type.name, type.flags);
  type.is_exact = type.kind != Kind::kOther && type.kind != Kind::kException;
  std::vector<Address> chain = {address};
  while (chain.size() < kMaxBases) {
    INQ_TRY(const Address base, objects_.pointer(chain.back(), kBase));
    if (base.is_null()) break;
    chain.push_back(base);
    if (type.kind != Kind::kOther) continue;
    INQ_TRY(const std::string name, objects_.name_of_type(base));
    INQ_TRY(const uint64_t flags, objects_.field<uint64_t>(base, kFlags));
    type.kind = kind_of(name, flags);
  }
  for (size_t i = chain.size(); i-- > 0;) add_slots(chain[i], type);
  return type;
}

void Types::add_slots(Address address, Type& result) const {
  const auto flags = objects_.field<uint64_t>(address, kFlags);
  if (!flags.ok() || (*flags & kHeapType) == 0) return;
  const auto count = objects_.field<int64_t>(address, kVariableSize);
  const auto members = objects_.pointer(address, kMembers);
  if (!count.ok() || *count <= 0 || !members.ok() || members->is_null()) return;
  for (int64_t i = 0; i < *count && result.slots.size() < kMaxSlots; ++i) {
    const Address member = *members + static_cast<uint64_t>(i) * kMemberSize;
    const auto name = objects_.field<uint64_t>(member, 0);
    const auto type = objects_.field<int32_t>(member, kMemberType);
    const auto offset = objects_.field<int64_t>(member, kMemberOffset);
    if (!name.ok() || !type.ok() || !offset.ok() || *name == 0) return;
    const bool inside = *offset >= 16 && *offset + 8 <= result.basic_size && *offset % 8 == 0;
    if (*type != kObjectMember || !inside) continue;
    std::string text = objects_.c_text(Address(*name));
    if (!text.empty()) result.slots.push_back({std::move(text), static_cast<uint32_t>(*offset)});
  }
}

// Words before the object (Include/internal/pycore_object.h): in 3.11 the values and the dict, in
// 3.12 one of them, told apart by the lowest bit, in 3.13 the dict, the values lie behind.
Result<Types::Fields> Types::managed_fields(Address object, const Type& type) const {
  Fields fields{.dict = {}, .keys = Address(type.cached_keys), .values = {}, .has_place = true};
  const Address before(object.value - 24);
  if (version_.minor == 12) {
    INQ_TRY(const uint64_t word, objects_.field<uint64_t>(before, 0));
    (word % 2 != 0 ? fields.values : fields.dict) = Address(word % 2 != 0 ? word + 1 : word);
    return fields;
  }
  INQ_TRY(fields.dict, objects_.pointer(before, 0));
  if (!fields.dict.is_null()) return fields;
  if (version_.minor == 11) {
    INQ_TRY(fields.values, objects_.pointer(Address(object.value - 32), 0));
  } else if ((type.flags & kInlineValues) != 0) {
    fields.values = object + static_cast<uint64_t>(type.basic_size);
    INQ_TRY(const uint8_t is_valid, objects_.field<uint8_t>(fields.values, 3));
    if (is_valid != 1) fields.values = {};
  }
  return fields;
}

Result<Types::Fields> Types::fields_of(Address object, const Type& type) const {
  if (version_.is_at_least(11) && (type.flags & kManagedDict) != 0)
    return managed_fields(object, type);
  Fields fields;
  if (type.dict_offset == 0) return fields;
  int64_t offset = type.dict_offset;
  if (offset < 0) {
    // From the end of an object that has items.
    if (type.kind == Kind::kInt && version_.is_at_least(12)) return fields;
    INQ_TRY(const int64_t count, objects_.field<int64_t>(object, kVariableSize));
    const int64_t items = count < 0 ? -count : count;
    if (items < 0 || items > (int64_t{1} << 32) || type.item_size < 0 || type.item_size > 4096)
      return Error(ErrorCode::kCorrupt, fmt::format("{} has no size", to_hex(object)));
    offset += (type.basic_size + items * type.item_size + 7) / 8 * 8;
  }
  if (offset < 16 || offset % 8 != 0) {
    return Error(ErrorCode::kCorrupt,
                 fmt::format("type {} keeps its fields at {}", type.name, type.dict_offset));
  }
  fields.has_place = true;
  INQ_TRY(fields.dict, objects_.pointer(object + static_cast<uint64_t>(offset), 0));
  return fields;
}

}  // namespace inquest::process::cpython
