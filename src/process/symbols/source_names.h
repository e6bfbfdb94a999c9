// SourceNames: what registers and memory operands are called in the source, at any instruction of
// one function, whether it is on a stack or not.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "binary/isa/decode.h"
#include "process/symbols/variables.h"

namespace inquest::process {

class OperandTrace;

// A member of a structure that ends before some place in it.
struct MemberBefore {
  std::string member, type;  // "label", "char[20]"
  uint64_t offset = 0, size = 0;
};
inline constexpr size_t kMaxMembersBefore = 64;

// Not thread-safe. The reader (and the stack) must outlive it.
class SourceNames {
 public:
  // Of stack.frames[index].
  SourceNames(VariableReader& reader, const Stack& stack, size_t index);
  // Of the function around `pc`, which need not have been running.
  SourceNames(VariableReader& reader, isa::Arch arch, Address pc);
  ~SourceNames();

  // What the register holds before the instruction at `pc`.
  std::optional<SourceExpression> register_at(Address pc, isa::RegisterId id);
  // The classes that the object which the register points at derives from, nearest first.
  std::vector<std::string> bases_at(Address pc, isa::RegisterId id);
  // What lies at the memory operand of an instruction, or step of one (isa::steps_of), of this
  // function.
  OperandExplanation memory_at(const isa::Instruction& instruction, size_t operand);
  // The members, from the start of the structure that the operand's pointer points at, that end
  // before the operand.
  std::vector<MemberBefore> members_before(const isa::Instruction& instruction, size_t operand);

 private:
  // The index of the instruction, or step, in this function's own code; nullopt: no such operand.
  std::optional<size_t> find(const isa::Instruction& instruction, size_t operand) const;

  Evidence& evidence_;
  Stack own_;  // for functions that are on no stack
  std::unique_ptr<OperandTrace> trace_;
};

}  // namespace inquest::process
