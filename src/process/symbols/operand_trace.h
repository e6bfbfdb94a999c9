// OperandTrace: what a register stood for in the source, by the variables that DWARF places in
// registers and by following loads, copies and sums backwards through the function.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "process/flow/function_code.h"
#include "process/flow/stack_layout.h"
#include "process/symbols/frame_variables.h"
#include "process/symbols/traced_value.h"

namespace inquest::process {

inline constexpr int kMaxTraceDepth = 48;
inline constexpr int kMaxCallers = 3;
inline constexpr size_t kMaxTraceSteps = 2'000;  // registers explained for one question

// One frame of one stack. Not thread-safe. All must outlive it.
class OperandTrace {
 public:
  // `callers` frames further out may be asked what they passed.
  OperandTrace(Evidence& evidence, const Stack& stack, size_t index, int callers = kMaxCallers);
  ~OperandTrace();

  // Empty when questions can be answered.
  const std::string& why_not() const { return why_not_; }
  // Empty when there is a reason why not.
  const FunctionCode& code() const { return *code_; }
  // The instruction at which the frame stopped: the one at pc, or the call that it made.
  size_t current() const { return current_; }

  // What `id` holds before instruction `at` runs.
  Traced register_before(size_t at, isa::RegisterId id);
  // The address that an operand of instruction `at` means.
  Traced address_of(const isa::MemoryOperand& operand, size_t at);
  // What `address`, which nothing could be said about, is by its value: the variable that holds it.
  std::optional<Traced> by_value(const isa::MemoryOperand& operand);
  // What instruction `at` reads from an address of its own, `size` bytes.
  Traced read_at(const Traced& address, uint64_t size, size_t at);
  // The register's contents before `at`, when nothing changed it up to where the frame stopped.
  std::optional<uint64_t> register_value(size_t at, isa::RegisterId id);

 private:
  void find_code();
  uint64_t link_pc(size_t at) const;
  Traced find(size_t at, isa::RegisterId id);
  Traced from_definition(size_t definition, isa::RegisterId id);
  Traced from_call(size_t call);
  Traced at_entry(isa::RegisterId id);
  Traced passed_by_caller(isa::RegisterId id);
  std::optional<uint64_t> value_before(size_t at, isa::RegisterId id);
  std::optional<Traced> worth(size_t at, std::optional<uint64_t> value);
  Traced choose(const Definitions& definitions, bool entry, size_t at, isa::RegisterId id);
  std::optional<Traced> stored_in_variable(size_t definition, isa::RegisterId id);
  Traced conditional(size_t definition, isa::RegisterId id);
  Traced loaded(size_t definition);
  Traced stored_in_slot(const isa::MemoryOperand& slot, size_t at);
  std::optional<uint64_t> stack_pointer(size_t at, isa::RegisterId id);
  std::optional<Traced> frame_address(const isa::MemoryOperand& operand, size_t at);
  std::optional<Traced> multiplied(const isa::Instruction& instruction, size_t at);

  Evidence& evidence_;
  const Stack& stack_;
  size_t index_;
  int callers_;
  std::unique_ptr<OperandTrace> caller_;
  FrameContext context_;
  FrameVariables variables_;
  const FunctionCode none_;
  const FunctionCode* code_ = &none_;
  std::optional<StackLayout> layout_;  // of code(), made when it is needed
  uint64_t entry_link_ = 0;
  size_t current_ = 0;
  std::string why_not_;
  int depth_ = 0;
  size_t steps_ = 0;
  std::map<std::pair<size_t, isa::RegisterId>, Traced> known_;
  std::set<std::pair<size_t, isa::RegisterId>>
      open_;  // being explained: meeting one again is a loop
};

}  // namespace inquest::process
