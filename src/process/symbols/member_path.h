// The way from an object down to the member, element or scalar that lies at an offset in it, spelt
// as the source would: bases and anonymous structures unnamed, the innards of library types folded
// away.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "process/symbols/source_text.h"
#include "process/symbols/types.h"

namespace inquest::process {

// An index that is not a constant: `coefficient` bytes times the value that the source calls
// `text`.
struct ScaledIndex {
  uint64_t coefficient = 1;
  std::string text;
};

// What a pointer inside a library type is to its user.
enum class ContainerRole : uint8_t {
  kNone,
  kData,  // points at the first element: *p is v[0]
  kEnd,   // one past the last
};

struct MemberPath {
  SourceObject object;  // the place, spelt
  dwarf::DieRef type;   // of it
  std::string inside;  // the same without the object that it started from: "items[3].price"; empty:
                       // the object itself
  ContainerRole role = ContainerRole::kNone;
  uint64_t remainder = 0;  // bytes into a scalar, or behind the end of what is described
};

// Down from `object` of type `type` to what lies `offset` bytes in it. `size` is that of the
// access, 0 when it does not matter. Indices are used up by arrays on the way; nullopt when one
// fits nowhere or the type is incomplete.
// The way ends early at a structure whose plain name is `stop_at`, or that has it for a base.
std::optional<MemberPath> find_member_path(Types& types, const SourceObject& object,
                                           dwarf::DieRef type, uint64_t offset,
                                           std::vector<ScaledIndex> indices, uint64_t size,
                                           std::string_view stop_at = {});

// "i", "2 * i", "i + 1", "3": `constant` elements and the indices whose coefficients are multiples
// of `element_size` (they are taken out of `indices`). Empty when there is neither.
std::string take_index(std::vector<ScaledIndex>& indices, uint64_t element_size, int64_t constant);

// "struct Order", "class shop::Cart", "std::string": how a message calls the type of an object.
std::string structure_name(Types& types, dwarf::DieRef type);

}  // namespace inquest::process
