// What a word of JavaScript holds, much as Node.js's util.inspect() would tell it: bounded, without
// running any of the program's own code, and without what looks like a secret.
#pragma once

#include <cstddef>
#include <string>

#include "process/runtime/runtime.h"
#include "process/runtime/v8/functions.h"
#include "process/runtime/v8/heap.h"

namespace inquest::process::v8 {

inline constexpr size_t kMaxValueText = 500;        // bytes, about: what is begun is ended
inline constexpr size_t kMaxShownCharacters = 120;  // of one text
inline constexpr size_t kMaxShownItems = 12;        // of one array or object
inline constexpr size_t kMaxNesting = 2;
inline constexpr size_t kMaxAllValues = 60'000;  // words looked at for all that is shown

std::string number_text(double number);  // as JavaScript writes most of them

class Values {
 public:
  Values(const Heap& heap, const Functions& functions) : heap_(heap), functions_(functions) {}

  // Sets type and text of the variable, or why_not. Of one whose name says that it holds a secret
  // only the type is read. undefined and null have no type.
  void show(Word value, RuntimeVariable& variable);

 private:
  struct Shown {
    std::string type, text;
  };
  class Members;

  Result<Shown> value(Word word, size_t depth);
  Result<Shown> primitive(Word word, uint16_t type) const;
  Result<std::string> bigint(Word word) const;
  Result<double> number_of(Word word) const;
  Result<double> date_of(Word word) const;
  bool is_hole(Word word) const;
  Result<std::string> collection(Word word) const;
  Result<Shown> object(Word word, uint16_t type, size_t depth);
  // "[ 1, 'a' ]", "{ id: 7 }": value_members.cc.
  Result<std::string> array(Word array, size_t depth);
  Result<std::string> members(Word object, size_t depth);
  Status add_elements(Word array, uint64_t count, Members& members);
  // What is inside of another: the class, too, and an error as "<…>".
  std::string inner(Word word, size_t depth);
  std::string text_of_key(Word key) const;

  const Heap& heap_;
  const Functions& functions_;
  size_t left_ = kMaxAllValues;
};

}  // namespace inquest::process::v8
