// Types: the types of one DebugInfo, looked up once each, and the questions that printing and
// tracing ask of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "binary/dwarf/debug_info.h"

namespace inquest::process {

// A member found inside a structure, possibly through bases and nested structures.
struct Field {
  dwarf::DieRef type;
  uint64_t offset = 0;  // from the start of the structure that was searched
  uint32_t bit_size = 0;
  uint32_t bit_offset = 0;
};

// References stay valid as long as the object. Not thread-safe.
class Types {
 public:
  explicit Types(dwarf::DebugInfo& info) : info_(info) {}

  dwarf::DebugInfo& info() { return info_; }
  const dwarf::Type& get(dwarf::DieRef ref);
  const dwarf::Type& strip(
      dwarf::DieRef ref);  // without typedef, const, volatile; declarations resolved
  const std::string& name(dwarf::DieRef ref);  // as in source

  // Bytes, also of arrays whose size is not written down; nullopt for incomplete types.
  std::optional<uint64_t> size(dwarf::DieRef ref);
  // What the type's address is a multiple of, by its innermost parts; 1 when unknown.
  uint64_t alignment(dwarf::DieRef ref);
  // Elements of an array type, all dimensions multiplied; nullopt when unknown (flexible arrays).
  std::optional<uint64_t> element_count(const dwarf::Type& array);

  // The member of this name, nearest level first; bases and nested structures are searched
  // kMaxFieldDepth deep.
  std::optional<Field> find_field(const dwarf::Type& structure, std::string_view name);
  // A chain of find_field: "_M_impl" then "_M_start".
  std::optional<Field> find_path(const dwarf::Type& structure,
                                 std::initializer_list<std::string_view> names);

 private:
  dwarf::DebugInfo& info_;
  std::map<dwarf::DieRef, dwarf::Type> types_, stripped_;
  std::map<dwarf::DieRef, std::string> names_;
};

inline constexpr int kMaxFieldDepth = 14;  // std::optional of libc++ is eight bases deep
inline constexpr int kMaxTypeDepth = 32;   // of arrays of arrays, and of nested structures

bool is_structure(const dwarf::Type& type);  // struct, class or union
bool is_pointer_like(const dwarf::Type& type);
bool is_reference(const dwarf::Type& type);
bool is_integer(const dwarf::Type& type);  // bool, characters, integers, enumerations

// "std::vector<int, std::allocator<int> >" → "std::vector": template arguments and the inline
// namespaces of the standard libraries (std::__cxx11, std::__1) left out.
std::string plain_type_name(std::string_view name);

}  // namespace inquest::process
