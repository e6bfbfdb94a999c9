// Which addresses of a crash are worth asking the heap about.
#pragma once

#include <string>
#include <vector>

#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/site.h"

namespace inquest::diagnosis {

struct HeapQuestion {
  std::string of;  // "free()'s argument `name`", "the fault address", "rdi", "`this` in f()"
  Address address;
  std::string type;  // of the object, when the pointer has one: "shop::Order"
  // Strong ones are told whatever the block's state; the others only when the block explains
  // something: it was freed, or it holds the bad value.
  bool strong = false;
  bool is_register = false;  // known by nothing but a register: told when it holds the bad value
};

// Strong ones first. `variables` of the crashing and the user's frame are looked at.
std::vector<HeapQuestion> heap_questions(const Site& site, const Facts& facts);

// The value that made the access fail, when there is one that memory may still hold.
std::optional<uint64_t> bad_value(const Facts& facts);

}  // namespace inquest::diagnosis
