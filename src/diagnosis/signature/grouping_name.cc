#include <array>
#include <cctype>

#include "binary/demangle/demangle.h"
#include "binary/demangle/names.h"
#include "diagnosis/signature/signature.h"

namespace inquest::diagnosis {
namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_hex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// "::h0123456789abcdef" at the end of a legacy Rust name.
void drop_rust_hash(std::string& name) {
  constexpr size_t kSize = 19;
  if (name.size() < kSize || name.compare(name.size() - kSize, 3, "::h") != 0) return;
  for (size_t i = name.size() - 16; i < name.size(); ++i) {
    if (!is_hex(name[i])) return;
  }
  name.resize(name.size() - kSize);
}

// " [clone .cold]", " [.part.0]", "[abi:cxx11]", "[cafe0123]" (a crate's disambiguator): whatever
// compilers put into square brackets, but not "operator[]" nor Rust's "[T]".
void drop_remarks(std::string& name) {
  for (size_t open = name.find('['); open != std::string::npos; open = name.find('[', open)) {
    const size_t close = name.find(']', open);
    if (close == std::string::npos) return;
    const std::string_view inside = std::string_view(name).substr(open + 1, close - open - 1);
    bool is_hash = inside.size() >= 8;
    for (const char c : inside) is_hash = is_hash && is_hex(c);
    if (!is_hash && !inside.starts_with("abi:") && !inside.starts_with(".") &&
        !inside.starts_with("clone ")) {
      open = close;
      continue;
    }
    const size_t start = open > 0 && name[open - 1] == ' ' ? open - 1 : open;
    name.erase(start, close + 1 - start);
    open = start;
  }
}

// "{lambda(int)#2}", "{lambda#1}", "'lambda0'", "$_3", "{closure#0}", "{{closure}}": which one it
// is changes with every edit.
void drop_lambda_numbers(std::string& name) {
  for (size_t at = name.find("{lambda"); at != std::string::npos;
       at = name.find("{lambda", at + 1)) {
    size_t end = at;
    int depth = 0;
    for (; end < name.size(); ++end) {
      if (name[end] == '{') ++depth;
      if (name[end] == '}' && --depth == 0) break;
    }
    if (end == name.size()) return;
    name.replace(at, end + 1 - at, "{lambda}");
  }
  for (size_t at = name.find("'lambda"); at != std::string::npos; at = name.find("'lambda", at)) {
    const size_t end = name.find('\'', at + 1);
    if (end == std::string::npos) break;
    size_t behind = end + 1;
    if (behind < name.size() && name[behind] == '(') {
      const size_t close = name.find(')', behind);
      if (close != std::string::npos) behind = close + 1;
    }
    name.replace(at, behind - at, "{lambda}");
    at += 8;
  }
  for (size_t at = name.find("$_"); at != std::string::npos; at = name.find("$_", at + 1)) {
    size_t end = at + 2;
    while (end < name.size() && is_digit(name[end])) ++end;
    if (end > at + 2) name.replace(at, end - at, "{lambda}");
  }
  replace_all(name, "{{closure}}", "{closure}");
  for (size_t at = name.find("{closure#"); at != std::string::npos;
       at = name.find("{closure#", at + 1)) {
    const size_t end = name.find('}', at);
    if (end == std::string::npos) break;
    name.replace(at, end + 1 - at, "{closure}");
  }
}

void drop_inline_namespaces(std::string& name) {
  constexpr std::array<std::string_view, 5> kSpellings = {
      "std::__1::", "std::__cxx11::", "std::__ndk1::", "std::_V2::", "std::__debug::"};
  for (const std::string_view spelling : kSpellings) replace_all(name, spelling, "std::");
}

}  // namespace

std::string grouping_name(std::string_view input) {
  const std::string demangled = demangle::demangle_name_only(input, demangle::Suffix::kStrip);
  std::string name(demangle::split_suffix(demangled).name);
  drop_remarks(name);
  drop_rust_hash(name);
  drop_lambda_numbers(name);
  const bool is_go_method = name.find(".(") != std::string::npos;  // "main.(*Cart).owner"
  if (!is_go_method) name = std::string(demangle::name_of_demangled(name));
  name = demangle::remove_template_arguments(name);
  drop_inline_namespaces(name);
  return name;
}

}  // namespace inquest::diagnosis
