// StackLayout: where the stack and frame pointers stand before each instruction of a function, as
// distances from the canonical frame address: stack slots get names that hold for all of it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "process/flow/function_code.h"

namespace inquest::process {

class StackLayout {
 public:
  explicit StackLayout(const FunctionCode& code);

  // The register as CFA + n before instruction `at`; nullopt when it is none, or not known.
  std::optional<int64_t> pointer(size_t at, isa::RegisterId id) const;
  // The slot that the operand means: CFA + n. nullopt for everything that is no plain stack slot.
  std::optional<int64_t> slot(size_t at, const isa::MemoryOperand& operand) const;

  // Places in the code that make the address of a slot: it may be written through it.
  struct Taken {
    size_t at = 0;
    int64_t slot = 0;
  };
  const std::vector<Taken>& taken() const { return taken_; }

 private:
  struct State {
    bool reached = false;
    std::optional<int64_t> sp, fp;
    bool operator==(const State&) const = default;
  };
  State after(size_t at) const;
  bool propagate();

  const FunctionCode& code_;
  isa::RegisterId sp_, fp_;
  std::vector<State> before_;
  std::vector<Taken> taken_;
};

}  // namespace inquest::process
