// Who writes a member or a global: a bounded search through the program's code, by the shape of
// stores first, so that only functions with a likely one are decoded and named.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnosis/facts/origin_code.h"

namespace inquest::diagnosis {

// A place in memory that many instructions may mean.
struct StoreTarget {
  std::string structure, member;   // of DWARF; empty for globals
  std::optional<Address> address;  // of a global
  int64_t displacement = 0;        // from the pointer to the object
  uint32_t size = 8;
};

struct FoundStore {
  Address pc;
  FunctionBody* body = nullptr;
  size_t at = 0;  // index of the instruction
  std::optional<uint64_t> constant;
};

struct StoreAnswer {
  std::vector<FoundStore> stores;
  // Functions that give other members of the structure a value, but not this one.
  std::vector<Address> initialisers;
  bool cut = false;  // more code than may be looked at
};

StoreAnswer find_stores(OriginCode& code, Address near, const StoreTarget& target);

// Calls in the program's own code to the functions that `wanted` accepts by name.
struct FoundCall {
  Address pc;
  std::string callee;
};
std::vector<FoundCall> find_calls(OriginCode& code, Address near,
                                  bool (*wanted)(const std::string& name));

}  // namespace inquest::diagnosis
