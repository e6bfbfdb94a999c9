// SourceObject: an object as the source spells it, and how members, elements and pointees of it are
// spelt.
#pragma once

#include <string>
#include <string_view>

namespace inquest::process {

// The object `text`, or, through a pointer, the object `*text`.
struct SourceObject {
  std::string text;
  bool through_pointer = false;
};

std::string spell(const SourceObject& object);          // "order", "*order"
std::string spell_address(const SourceObject& object);  // "&order", "order"
SourceObject member_of(const SourceObject& object,
                       std::string_view member);  // "order->pricing", "order.pricing"
SourceObject element_of(const SourceObject& object,
                        std::string_view index);  // "(*grid)[i]", "a[i]"
// Of the pointer that `text` is: "p[i]".
SourceObject element_at(std::string_view pointer, std::string_view index);
// `text` in a place where a postfix operator follows: parentheses around anything but a postfix
// expression.
std::string as_primary(std::string_view text);

}  // namespace inquest::process
