// Who writes a member or a global: a bounded search through the program's code, by the shape of
// stores first, so that only functions with a likely one are decoded and named.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "diagnosis/facts/origin_code.h"

namespace inquest::diagnosis {

// A place in memory that many instructions may mean.
struct StoreTarget {
  std::string structure, member;   // of DWARF; empty for globals
  std::optional<Address> address;  // of a global
  int64_t displacement = 0;        // from the pointer to the object
  uint64_t offset = 0;             // of the member in the structure
  uint32_t size = 8;
};

struct FoundStore {
  Address pc;
  FunctionBody* body = nullptr;
  size_t at = 0;  // index of the instruction
  std::optional<uint64_t> constant;
  std::string other_member;  // it goes by another name here: of a union, or of another layout
};

struct StoreAnswer {
  std::vector<FoundStore> stores;
  // Functions that give other members of the structure a value, but not this one.
  std::vector<Address> initialisers;
  bool cut = false;  // more code than may be looked at, or none
};

// A constructor, or "new", "create", "init" and the like in the name.
bool names_a_maker(const std::string& name);

// Does the function hold such an object, or the address of the member, in a register?
bool speaks_of(FunctionBody& body, const std::string& structure, const std::string& member);

// Does the function, which sets other members as well, get to its end without this store at times?
bool is_set_sometimes(const FoundStore& store, const StoreTarget& target);

StoreAnswer find_stores(OriginCode& code, Address near, const StoreTarget& target);

// Stores `displacement` bytes behind a pointer to the type, whose name is plain ("shop::Order").
std::vector<FoundStore> find_stores_through(OriginCode& code, Address near, const std::string& type,
                                            int64_t displacement);

// Calls in the program's own code to the functions that `wanted` accepts by name. Only functions
// whose linkage name contains one of `hints` are named at all.
struct FoundCall {
  Address pc;
  std::string callee;
  std::string_view linkage;  // its mangled name; empty for functions of other modules
};
using WantedCall = std::function<bool(const std::string& name)>;
std::vector<FoundCall> find_calls(OriginCode& code, Address near,
                                  std::span<const std::string_view> hints,
                                  const WantedCall& wanted);
std::vector<Address> find_calls_to(OriginCode& code, Address near, Address entry);

// Stores of `size` bytes right at a pointer, or at one plus an index: what loops over arrays do.
std::vector<FoundStore> find_plain_stores(OriginCode& code, Address near, uint32_t size);
// Instructions of the program's own code that make the address of a place on the stack.
std::vector<Address> find_stack_addresses(OriginCode& code, Address near);
// Instructions of the program's own code that make the address of a global.
std::vector<Address> find_address_takers(OriginCode& code, Address near, Address global);

}  // namespace inquest::diagnosis
