// The arguments and locals of a Python frame.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "process/runtime/cpython/objects.h"
#include "process/runtime/cpython/values.h"
#include "process/runtime/runtime.h"

namespace inquest::process::cpython {

inline constexpr uint64_t kMaxVariables = 200;  // of one frame
// Innermost of a thread that are read with their variables; a recursion has the same in each.
inline constexpr size_t kMaxFramesWithVariables = 200;

class Locals {
 public:
  Locals(const Objects& objects, const Types& types, const Version& version)
      : objects_(objects), types_(types), version_(version), values_(objects, types, version) {}

  // Of a frame that executes `code`, in the order of the code: arguments first. A variable that has
  // no value is "unbound"; one that could not be read says why. When even the names cannot be read,
  // `gap` gets the reason.
  std::vector<RuntimeVariable> of(Address frame, Address code, std::string& gap);

 private:
  struct Name {
    std::string text;
    bool is_argument = false;
    bool may_be_cell = false;  // it holds a cell, once the function has begun
    bool is_hidden = false;    // a comprehension's own: told only when it is bound
  };
  struct Names {
    std::vector<Name> list;       // one for each place in the frame
    bool has_fast_locals = true;  // else they are in a dict: a module, a class
    std::string gap;
  };

  const Names& names_at(Address code);
  Result<Names> read_names(Address code) const;
  Status add_old_names(Address code, Names& names) const;
  Status add_new_names(Address code, Names& names) const;
  Status mark_arguments(Address code, Names& names) const;
  Result<std::vector<std::string>> texts_of(Address tuple) const;
  void read_value(Address at, const Name& name, RuntimeVariable& variable);
  std::vector<RuntimeVariable> of_dict(Address frame, std::string& gap);

  const Objects& objects_;
  const Types& types_;
  Version version_;
  Values values_;
  std::map<Address, Names> names_;
};

}  // namespace inquest::process::cpython
