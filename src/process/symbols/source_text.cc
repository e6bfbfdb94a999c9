#include "process/symbols/source_text.h"

#include <cctype>

namespace inquest::process {
namespace {

// Names, calls, subscripts, members: what binds tighter than any operator that follows.
bool is_postfix(std::string_view text) {
  int nesting = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '(' || c == '[' || c == '<') ++nesting;
    if (c == ')' || c == ']') --nesting;
    if (c == '>' && !(i > 0 && text[i - 1] == '-')) --nesting;
    if (nesting > 0 || c == ')' || c == ']' || c == '>') continue;
    const bool word = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' ||
                      c == ':' || c == '$' || c == '~' || c == '"' ||
                      (c == '-' && i + 1 < text.size() && text[i + 1] == '>');
    if (!word) return false;
  }
  return true;
}

}  // namespace

std::string as_primary(std::string_view text) {
  return is_postfix(text) ? std::string(text) : "(" + std::string(text) + ")";
}

std::string spell(const SourceObject& object) {
  if (!object.through_pointer) return object.text;
  return "*" + as_primary(object.text);
}

std::string spell_address(const SourceObject& object) {
  if (object.through_pointer) return object.text;
  return "&" + as_primary(object.text);
}

SourceObject member_of(const SourceObject& object, std::string_view member) {
  std::string text = as_primary(object.text);
  text += object.through_pointer ? "->" : ".";
  text += member;
  return {std::move(text), false};
}

SourceObject element_of(const SourceObject& object, std::string_view index) {
  std::string text = object.through_pointer ? "(*" + object.text + ")" : as_primary(object.text);
  text += '[';
  text += index;
  text += ']';
  return {std::move(text), false};
}

SourceObject element_at(std::string_view pointer, std::string_view index) {
  std::string text = as_primary(pointer);
  text += '[';
  text += index;
  text += ']';
  return {std::move(text), false};
}

}  // namespace inquest::process
