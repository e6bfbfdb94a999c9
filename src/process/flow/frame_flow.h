// FrameFlow: one function as it stood when the process died: which instructions may have written a
// register or stack slot last, given what is known of the values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "binary/isa/registers.h"
#include "process/flow/function_code.h"
#include "process/flow/stack_layout.h"
#include "process/image/memory.h"

namespace inquest::process {

// A register, or a stack slot at CFA + offset.
struct Spot {
  enum class Kind : uint8_t { kRegister, kSlot };
  Kind kind = Kind::kRegister;
  isa::RegisterId id = 0;
  int64_t offset = 0;
  uint32_t size = 8;

  static Spot in_register(isa::RegisterId id) { return {Kind::kRegister, id, 0, 8}; }
  static Spot in_slot(int64_t offset, uint32_t size) {
    return {Kind::kSlot, 0, offset, size == 0 ? 8 : size};
  }
  auto operator<=>(const Spot&) const = default;
};

struct Reaching {
  std::vector<size_t> at;       // the writes that may be the last, in the order of discovery
  std::vector<size_t> through;  // calls that had the slot's address, or one before it
  bool from_entry = false;      // a path from the function's start writes it nowhere
  bool lost = false;            // some path could not be followed
  size_t excluded = 0;          // ways that the value contradicts

  bool is_single() const { return at.size() + through.size() == 1 && !from_entry && !lost; }
};

// How the frame stood. Without registers (a function that is on no stack) only the code speaks.
struct FrameState {
  isa::RegisterFile registers = isa::RegisterFile();
  std::optional<Address> cfa;
  size_t current = 0;        // the instruction at which the frame stopped
  bool interrupted = false;  // it did not run: else it is a call
  bool on_stack = false;
};

inline constexpr int kMaxValueDepth = 6;
inline constexpr int kMaxComparisons = 48;

// Not thread-safe. Code and memory must outlive it.
class FrameFlow {
 public:
  FrameFlow(const FunctionCode& code, const MemoryReader& memory, const FrameState& state);

  const FunctionCode& code() const { return code_; }
  const StackLayout& layout() const { return layout_; }
  const FrameState& state() const { return state_; }

  // Who may have written `spot` last before instruction `at` ran. With `value`, what it held then:
  // ways through branches that this value would not have taken are left out.
  Reaching reaching(size_t at, const Spot& spot, std::optional<uint64_t> value = std::nullopt);
  // What the register held before `at`, when code, registers and memory agree on it.
  std::optional<uint64_t> value(size_t at, isa::RegisterId id);
  std::optional<uint64_t> value(size_t at, const Spot& spot);
  // The address that an operand of instruction `at` meant.
  std::optional<Address> address(size_t at, const isa::MemoryOperand& operand);

 private:
  enum class Effect : uint8_t { kNone, kWrites, kMayWrite };
  Effect effect(size_t at, const Spot& spot) const;
  bool is_passed(size_t made, size_t call) const;
  bool may_write_through(size_t call, const Spot& slot) const;
  Reaching search(size_t at, const Spot& spot, std::optional<uint64_t> value);
  bool contradicts(size_t branch, size_t to, const Spot& spot, uint64_t value);
  std::optional<uint64_t> compared(size_t at, std::optional<isa::RegisterId> id, const Spot& spot,
                                   uint64_t value);
  bool is_alias(size_t at, isa::RegisterId id, const Spot& spot) const;
  std::optional<uint64_t> find_value(size_t at, isa::RegisterId id);
  std::optional<uint64_t> slot_value(size_t at, const Spot& slot);
  bool unchanged_since(size_t at, const Spot& spot);

  const FunctionCode& code_;
  const MemoryReader& memory_;
  FrameState state_;
  StackLayout layout_;
  int depth_ = 0;
  int comparisons_ = 0;  // evaluated by registers and memory, all searches together
  std::map<std::pair<size_t, isa::RegisterId>, std::optional<uint64_t>> values_;
};

// The value that the definition gives to a register, as a constant of the code alone; zeroed vector
// registers stored to memory count.
std::optional<uint64_t> stored_constant(const FunctionCode& code, size_t at);

}  // namespace inquest::process
