// The names of a function's parameters, from its source: V8 keeps only those of variables that
// inner functions use.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inquest::process::v8 {

inline constexpr size_t kMaxParameters = 16;

struct Parameter {
  std::string name;  // empty: a pattern, as in "({ id, name }) => …"
  bool is_rest = false;
};

// `source` begins where V8 says that the function does: at the "(" of its parameters, or at an
// arrow function's only parameter. At most kMaxParameters; what comes behind something that is not
// understood (a regular expression or a template as a default) is left out, with what it stands
// for. nullopt: no parameters begin there.
std::optional<std::vector<Parameter>> parameters_at(std::u16string_view source);

}  // namespace inquest::process::v8
