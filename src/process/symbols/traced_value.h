// Traced: a machine word in terms of the source: an optional pointer or address, plus scaled
// integers, plus a constant.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "process/symbols/evidence.h"
#include "process/symbols/member_path.h"
#include "process/symbols/variables.h"

namespace inquest::process {

// A value that the source has a name for.
struct Known {
  enum class Form : uint8_t {
    kContents,  // the value of the expression `object`
    kAddress,   // the address of `object` (references are shown as the object itself)
  };
  Form form = Form::kContents;
  SourceObject object;
  std::optional<dwarf::DieRef> type;  // kContents: of the value; kAddress: of the object
  Types* types = nullptr;             // that `type` belongs to
  bool is_reference = false;          // kAddress through a C++ reference
  bool of_library = false;  // a variable of a library's function: the program's own name is better
  ContainerRole role = ContainerRole::kNone;
  std::string base_variable, base_kind, function;
  ExpressionTrust trust = ExpressionTrust::kTraced;
  std::vector<std::string> steps;
  std::optional<uint64_t> value;       // as far as memory and registers tell
  std::optional<Address> location;     // kContents: where it was loaded from
  std::optional<MemberAccess> member;  // kContents: the member that it was loaded from
};

struct Traced {
  std::optional<Known> base;                      // with the factor 1
  std::vector<std::pair<uint64_t, Known>> terms;  // factor, integer
  uint64_t offset = 0;                            // wraps
  std::string lost;                               // not empty: nothing is known, because

  static Traced unknown(std::string why) {
    Traced out;
    out.lost = std::move(why);
    return out;
  }
  static Traced number(uint64_t value) {
    Traced out;
    out.offset = value;
    return out;
  }
  static Traced of(Known known);  // integers become terms, everything else the base

  bool is_constant() const { return lost.empty() && !base && terms.empty(); }
  // The word itself, when every part of it is known.
  std::optional<uint64_t> value() const;
  // The one expression that this is, without offset: nullptr for sums.
  const Known* single() const;
};

inline constexpr size_t kMaxTerms = 8;

Traced sum_of(Traced a, const Traced& b);
// An index that nobody can name any more: shown as "…".
Known unknown_index();
Traced scaled(Traced a, uint64_t factor);

// The text of a value: "order->pricing", "v.data()", "&table[i]".
std::string spell(const Known& known);
// Of an integer sum, as an index: "i + 1". Empty when it has no name.
std::string spell_number(const Traced& traced);

// What lies at the address `traced`, `size` bytes of it (0: does not matter).
struct Located {
  Known from;  // the pointer (or object) that it was reached through
  MemberPath path;
  std::optional<MemberAccess> member;  // when a structure was entered
  std::vector<Known> indices;
};
std::optional<Located> locate(Evidence& evidence, const Traced& traced, uint64_t size,
                              std::string_view stop_at = {});

// The value of `size` bytes loaded from the address `traced`.
Traced load_through(Evidence& evidence, const Traced& traced, uint64_t size);

// The contents of `object` of `type`, which may be a reference.
Known contents_of(const Known& origin, SourceObject object, dwarf::DieRef type);

}  // namespace inquest::process
