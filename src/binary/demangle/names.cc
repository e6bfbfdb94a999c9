#include "binary/demangle/names.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "binary/demangle/brackets.h"
#include "binary/demangle/demangle.h"

namespace inquest::demangle {
namespace {

constexpr int kMaxDepth = 200;  // of nested template arguments; deeper ones are copied as they are

using Arguments = std::vector<std::string>;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':';
}

// "std::vector" of "… const std::vector": the qualified name that `text` ends in.
std::string_view trailing_name(std::string_view text) {
  size_t start = text.size();
  while (start > 0 && is_name_char(text[start - 1])) --start;
  return text.substr(start);
}

// std::basic_string<char, char_traits, allocator> and its family: the typedef's stem, or nothing.
struct CharacterTemplate {
  std::string_view name;
  std::string_view stem;
  bool allocates;  // has an allocator as third parameter
};
constexpr std::array<CharacterTemplate, 13> kCharacterTemplates = {{
    {"std::basic_string", "string", true},
    {"std::basic_string_view", "string_view", false},
    {"std::basic_ostream", "ostream", false},
    {"std::basic_istream", "istream", false},
    {"std::basic_iostream", "iostream", false},
    {"std::basic_ofstream", "ofstream", false},
    {"std::basic_ifstream", "ifstream", false},
    {"std::basic_fstream", "fstream", false},
    {"std::basic_streambuf", "streambuf", false},
    {"std::basic_ios", "ios", false},
    {"std::basic_stringstream", "stringstream", true},
    {"std::basic_ostringstream", "ostringstream", true},
    {"std::basic_istringstream", "istringstream", true},
}};

std::optional<std::string_view> typedef_prefix(std::string_view stem, std::string_view character) {
  const bool is_text = stem == "string" || stem == "string_view";
  if (character == "char") return "";
  if (character == "wchar_t") return "w";
  if (is_text && character == "char8_t") return "u8";
  if (is_text && character == "char16_t") return "u16";
  if (is_text && character == "char32_t") return "u32";
  return std::nullopt;
}

std::string wrap(std::string_view name, std::string_view argument) {
  std::string text(name);
  text.append("<").append(argument).append(">");
  return text;
}

std::optional<std::string> character_typedef(std::string_view name, const Arguments& arguments) {
  for (const auto& known : kCharacterTemplates) {
    if (name != known.name || arguments.empty()) continue;
    const auto prefix = typedef_prefix(known.stem, arguments[0]);
    const size_t count = known.allocates ? 3 : 2;
    if (!prefix || arguments.size() != count) return std::nullopt;
    if (arguments[1] != wrap("std::char_traits", arguments[0])) return std::nullopt;
    if (known.allocates && arguments[2] != wrap("std::allocator", arguments[0])) {
      return std::nullopt;
    }
    return "std::" + std::string(*prefix) + std::string(known.stem);
  }
  return std::nullopt;
}

// The defaults of the parameters after the first `own` ones; `element` is what the allocator is
// for.
std::optional<std::pair<size_t, Arguments>> defaults_of(std::string_view name,
                                                        const Arguments& given) {
  if (given.empty() || !name.starts_with("std::")) return std::nullopt;
  name.remove_prefix(5);
  const std::string& first = given[0];
  const auto allocator = wrap("std::allocator", first);
  const auto is = [&](auto... names) { return ((name == std::string_view(names)) || ...); };
  if (is("vector", "deque", "list", "forward_list")) return {{1, {allocator}}};
  if (is("set", "multiset")) return {{1, {wrap("std::less", first), allocator}}};
  if (is("unordered_set", "unordered_multiset")) {
    return {{1, {wrap("std::hash", first), wrap("std::equal_to", first), allocator}}};
  }
  if (is("unique_ptr")) return {{1, {wrap("std::default_delete", first)}}};
  if (is("queue", "stack")) return {{1, {wrap("std::deque", first)}}};
  if (is("priority_queue")) {
    return {{1, {wrap("std::vector", first), wrap("std::less", first)}}};
  }
  if (given.size() < 2) return std::nullopt;
  const auto pairs = wrap("std::allocator", "std::pair<" + first + " const, " + given[1] + ">");
  if (is("map", "multimap")) return {{2, {wrap("std::less", first), pairs}}};
  if (is("unordered_map", "unordered_multimap")) {
    return {{2, {wrap("std::hash", first), wrap("std::equal_to", first), pairs}}};
  }
  return std::nullopt;
}

void drop_defaults(std::string_view name, Arguments& arguments) {
  const auto known = defaults_of(name, arguments);
  if (!known) return;
  const auto& [own, defaults] = *known;
  while (arguments.size() > own && arguments.size() - own <= defaults.size() &&
         arguments.back() == defaults[arguments.size() - own - 1]) {
    arguments.pop_back();
  }
}

class Simplifier {
 public:
  explicit Simplifier(std::string_view name) : name_(name), partner_(template_brackets(name)) {}

  std::string range(size_t from, size_t to, int depth) {
    std::string out;
    size_t at = from;
    while (at < to) {
      if (const size_t skip = noise_size(at, to); skip != 0) {
        at += skip;
      } else if (name_[at] == '<' && partner_[at] > static_cast<int32_t>(at)) {
        const auto close = static_cast<size_t>(partner_[at]);
        template_arguments(out, at + 1, close, depth);
        at = close + 1;
      } else {
        out += name_[at++];
      }
    }
    return out;
  }

 private:
  // Inline namespaces after "std::", and ABI tags.
  size_t noise_size(size_t at, size_t to) const {
    const std::string_view rest = name_.substr(at, to - at);
    if (rest.starts_with("[abi:")) {
      const size_t end = rest.find(']');
      return end == std::string_view::npos ? 0 : end + 1;
    }
    if (!name_.substr(0, at).ends_with("std::")) return 0;
    if (at > 5 && is_name_char(name_[at - 6])) return 0;  // "mystd::", "a::std::"
    for (std::string_view inlined : {"__cxx11::", "__1::", "__ndk1::"}) {
      if (rest.starts_with(inlined)) return inlined.size();
    }
    return 0;
  }

  void template_arguments(std::string& out, size_t from, size_t to, int depth) {
    if (depth >= kMaxDepth) {
      out.append("<").append(name_.substr(from, to - from)).append(">");
      return;
    }
    Arguments arguments = split(from, to, depth);
    const std::string_view name = trailing_name(out);
    if (const auto shorter = character_typedef(name, arguments)) {
      out.replace(out.size() - name.size(), name.size(), *shorter);
      return;
    }
    drop_defaults(name, arguments);
    // A space keeps "operator<< <int>" readable; it is already there.
    out += '<';
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (i != 0) out += ", ";
      out += arguments[i];
    }
    out += '>';
  }

  // The arguments between two brackets, each simplified.
  Arguments split(size_t from, size_t to, int depth) {
    Arguments arguments;
    int nesting = 0;
    size_t start = from;
    for (size_t at = from; at <= to; ++at) {
      if (at == to || (name_[at] == ',' && nesting == 0)) {
        arguments.push_back(trimmed(range(start, at, depth + 1)));
        start = at + 1;
      } else if (name_[at] == '<' && partner_[at] > static_cast<int32_t>(at)) {
        at = static_cast<size_t>(partner_[at]);
      } else if (name_[at] == '(' || name_[at] == '[' || name_[at] == '{') {
        ++nesting;
      } else if (name_[at] == ')' || name_[at] == ']' || name_[at] == '}') {
        --nesting;
      }
    }
    if (arguments.size() == 1 && arguments[0].empty()) arguments.clear();
    return arguments;
  }

  static std::string trimmed(const std::string& text) {
    const size_t start = text.find_first_not_of(' ');
    if (start == std::string::npos) return {};
    const size_t end = text.find_last_not_of(' ');
    return text.substr(start, end - start + 1);
  }

  std::string_view name_;
  std::vector<int32_t> partner_;
};

// The name with everything inside more than `kept` template brackets replaced by "...".
std::string elide_below(std::string_view name, const std::vector<int32_t>& partner, int kept) {
  std::string out;
  int depth = 0;
  for (size_t at = 0; at < name.size(); ++at) {
    const bool opens = partner[at] > static_cast<int32_t>(at);
    if (opens && depth == kept) {
      const auto close = static_cast<size_t>(partner[at]);
      out += close == at + 1 ? "<" : "<...";
      at = close;
    } else if (opens) {
      ++depth;
    } else if (partner[at] != kNotABracket) {
      --depth;
    }
    out += name[at];
  }
  return out;
}

// Whether the "<inside>" that comes after `out` is a qualified path of Rust's: "<T as Trait>::f",
// "<[T]>::len"; behind
// "::" it is one only when it says "as", else the arguments of a function ("f::<T>").
bool is_qualified_path(std::string_view out, std::string_view inside) {
  if (out.ends_with("::")) return inside.find(" as ") != std::string_view::npos;
  return out.empty() || std::string_view("< &(,").find(out.back()) != std::string_view::npos;
}

int deepest(const std::vector<int32_t>& partner) {
  int depth = 0, most = 0;
  for (size_t at = 0; at < partner.size(); ++at) {
    if (partner[at] == kNotABracket) continue;
    depth += partner[at] > static_cast<int32_t>(at) ? 1 : -1;
    most = std::max(most, depth);
  }
  return most;
}

}  // namespace

std::string simplify_cxx(std::string_view demangled) {
  if (demangled.size() > kMaxDemangledSize) return std::string(demangled);
  return Simplifier(demangled).range(0, demangled.size(), 0);
}

std::string shorten_template_arguments(std::string_view name, size_t max) {
  if (name.size() <= max || name.size() > kMaxDemangledSize) return std::string(name);
  const auto partner = template_brackets(name);
  // A dozen steps decide it: what is nested deeper than that goes first and at once.
  constexpr int kMostSteps = 12;
  for (int kept = std::min(deepest(partner) - 1, kMostSteps); kept > 0; --kept) {
    std::string shorter = elide_below(name, partner, kept);
    if (shorter.size() <= max) return shorter;
  }
  return elide_below(name, partner, 0);
}

std::string remove_template_arguments(std::string_view name) {
  if (name.size() > kMaxDemangledSize) return std::string(name);
  const auto partner = template_brackets(name);
  std::string out;
  for (size_t at = 0; at < name.size(); ++at) {
    const bool opens = partner[at] > static_cast<int32_t>(at);
    const auto close = static_cast<size_t>(std::max(partner[at], 0));
    if (!opens || is_qualified_path(out, name.substr(at + 1, close - at - 1))) {
      out += name[at];
    } else {
      at = close;
    }
  }
  while (out.ends_with("::")) out.resize(out.size() - 2);  // Rust's turbofish: "f::<T>"
  return out;
}

}  // namespace inquest::demangle
