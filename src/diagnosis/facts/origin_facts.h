// Where the bad value came from: a chain from the operand that was refused back to the place that
// made the value, and the functions that are to blame for it. As in RETracer (ICSE'16) and
// POMP (Sec'17), but on a plain core: a chain ends where memory no longer agrees, and says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "diagnosis/facts/stack_facts.h"

namespace inquest::diagnosis {

struct OriginStep {
  enum class Kind : uint8_t {
    kRegister,  // copied or computed from another register
    kLoad,      // loaded from memory: a field, a variable, a stack slot
    kArgument,  // handed over by the caller
    kReturn,    // returned by a callee
    kConstant,  // a constant in the code
    kStore,     // written to memory by this instruction
    kLost,      // the chain ends here; `statement` says why
  };
  Kind kind = Kind::kLost;
  std::string statement;  // "`cart` was returned by find_cart()"
  std::string function;   // short name
  std::string file;
  uint32_t line = 0;
  std::optional<size_t> frame;    // index into Facts::crashing.frames; nullopt: not on the stack
  Address pc;                     // of the instruction
  std::optional<Address> memory;  // that it was loaded from or stored to
  std::optional<bool> still_so;   // whether memory still holds the value
  std::string trust;              // "exact", "traced", "heuristic"
};
std::string_view to_string(OriginStep::Kind kind);

// A function that may hold the bug; the most likely first.
struct BlameFact {
  std::string function;  // short name
  std::string file;
  uint32_t line = 0;
  std::optional<size_t> frame;
  std::string module;
  uint64_t module_offset = 0;
  std::string why;     // "returns nullptr here; the caller did not check it"
  int confidence = 0;  // percent
};

struct OriginFacts {
  std::vector<OriginStep> steps;  // from the crash backwards
  std::vector<BlameFact> blamed;  // most likely first, at most five
};

}  // namespace inquest::diagnosis
