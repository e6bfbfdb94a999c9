#include "process/symbols/types.h"

#include <algorithm>
#include <deque>

namespace inquest::process {

using dwarf::DieRef;
using dwarf::Type;
using dwarf::TypeKind;

namespace {

constexpr size_t kMaxFieldsSearched = 4096;
constexpr int kMaxAlignmentDepth = 6;

// What a structure may ask for; a page is the most that anybody does.
constexpr uint64_t kMaxAlignment = 4096;
bool is_power_of_two(uint64_t alignment) {
  return alignment != 0 && alignment <= kMaxAlignment && (alignment & (alignment - 1)) == 0;
}

std::optional<uint64_t> size_at_depth(Types& types, DieRef ref, int depth) {
  const Type& type = types.strip(ref);
  if (type.size) return type.size;
  switch (type.kind) {
    case TypeKind::kPointer:
    case TypeKind::kReference:
    case TypeKind::kRvalueReference:
      return 8;
    case TypeKind::kMemberPointer:  // of a function: its address or vtable slot, and an adjustment
      if (!type.target) return std::nullopt;
      return types.strip(*type.target).kind == TypeKind::kFunction ? 16 : 8;
    case TypeKind::kEnum:
      return type.target && depth < kMaxTypeDepth ? size_at_depth(types, *type.target, depth + 1)
                                                  : std::nullopt;
    case TypeKind::kArray: {
      if (!type.target || depth >= kMaxTypeDepth) return std::nullopt;
      const auto count = types.element_count(type);
      const auto element = size_at_depth(types, *type.target, depth + 1);
      return count && element ? checked_multiply(*count, *element) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

uint64_t alignment_at_depth(Types& types, DieRef ref, int depth) {
  const Type& type = types.strip(ref);
  if (depth >= kMaxAlignmentDepth) return 8;
  if (type.kind == TypeKind::kArray && type.target)
    return alignment_at_depth(types, *type.target, depth + 1);
  if (!is_structure(type)) {
    const uint64_t size = types.size(ref).value_or(1);
    return size == 2 || size == 4 || size == 8 || size == 16 ? size : 1;
  }
  uint64_t most = is_power_of_two(type.alignment) ? type.alignment : 1;
  for (const auto& member : type.members) {
    if (member.is_static) continue;
    most = std::max(most,
                    member.is_virtual_base ? 8 : alignment_at_depth(types, member.type, depth + 1));
  }
  return most;
}

}  // namespace

const Type& Types::get(DieRef ref) {
  auto [it, fresh] = types_.try_emplace(ref);
  if (fresh) it->second = info_.type(ref);
  return it->second;
}

const Type& Types::strip(DieRef ref) {
  auto [it, fresh] = stripped_.try_emplace(ref);
  if (fresh) it->second = info_.strip(ref);
  return it->second;
}

const std::string& Types::name(DieRef ref) {
  auto [it, fresh] = names_.try_emplace(ref);
  if (fresh) it->second = info_.type_name(ref);
  return it->second;
}

uint64_t Types::alignment(DieRef ref) { return alignment_at_depth(*this, ref, 0); }

std::optional<uint64_t> Types::size(DieRef ref) { return size_at_depth(*this, ref, 0); }

std::optional<uint64_t> Types::element_count(const Type& array) {
  if (array.dimensions.empty()) return std::nullopt;
  uint64_t count = 1;
  for (const auto& dimension : array.dimensions) {
    if (!dimension) return std::nullopt;
    const auto product = checked_multiply(count, *dimension);
    if (!product) return std::nullopt;
    count = *product;
  }
  return count;
}

std::optional<Field> Types::find_field(const Type& structure, std::string_view name) {
  struct Level {
    const Type* type;
    uint64_t offset;
    int depth;
  };
  std::deque<Level> waiting{{&structure, 0, 0}};
  size_t searched = 0;
  while (!waiting.empty()) {
    const Level level = waiting.front();
    waiting.pop_front();
    for (const auto& member : level.type->members) {
      if (++searched > kMaxFieldsSearched) return std::nullopt;
      if (member.is_static || member.is_virtual_base) continue;
      const uint64_t offset = level.offset + member.offset;
      if (!member.is_base && member.name == name)
        return Field{member.type, offset, member.bit_size, member.bit_offset};
      if (level.depth >= kMaxFieldDepth) continue;
      const Type& nested = strip(member.type);
      if (is_structure(nested)) waiting.push_back({&nested, offset, level.depth + 1});
    }
  }
  return std::nullopt;
}

std::optional<Field> Types::find_path(const Type& structure,
                                      std::initializer_list<std::string_view> names) {
  const Type* type = &structure;
  Field field;
  uint64_t offset = 0;
  for (const auto name : names) {
    const auto next = find_field(*type, name);
    if (!next) return std::nullopt;
    field = *next;
    offset += next->offset;
    field.offset = offset;
    type = &strip(next->type);
  }
  return field;
}

bool is_structure(const Type& type) {
  return type.kind == TypeKind::kStruct || type.kind == TypeKind::kClass ||
         type.kind == TypeKind::kUnion;
}

bool is_reference(const Type& type) {
  return type.kind == TypeKind::kReference || type.kind == TypeKind::kRvalueReference;
}

bool is_pointer_like(const Type& type) {
  return type.kind == TypeKind::kPointer || is_reference(type);
}

bool is_integer(const Type& type) {
  return type.kind == TypeKind::kBool || type.kind == TypeKind::kChar ||
         type.kind == TypeKind::kSigned || type.kind == TypeKind::kUnsigned ||
         type.kind == TypeKind::kEnum;
}

std::string plain_type_name(std::string_view name) {
  std::string plain(name.substr(0, name.find('<')));
  for (const std::string_view inline_namespace :
       {"std::__cxx11::", "std::__1::", "std::__ndk1::", "std::_V2::", "std::__debug::"}) {
    if (plain.starts_with(inline_namespace)) return "std::" + plain.substr(inline_namespace.size());
  }
  return plain;
}

}  // namespace inquest::process
