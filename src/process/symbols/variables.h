// Variables: arguments and locals by value, and the source expression behind a register or an
// address.
//
// "optimized out" and "not in the core" are different answers, and a value that could not be read
// is never printed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "process/image/process_image.h"
#include "process/modules/modules.h"
#include "process/symbols/debug_infos.h"
#include "process/unwind/frame.h"

namespace inquest::process {

struct Evidence;

enum class ValueState : uint8_t {
  kPresent,
  kOptimizedOut,  // the compiler kept it nowhere at this pc
  kNotInCore,     // it has a place, but the bytes are missing; `why` says which way
  kUnknown,       // could not be evaluated; `why` says why (lost register, unsupported operation)
};

struct Value {
  ValueState state = ValueState::kUnknown;
  std::string
      text;  // for people: "3", "0x0", "{id = 7, name = \"x\"}", "std::vector of length 2 = {…}"
  std::string why;                 // when not present
  std::optional<uint64_t> scalar;  // integers, enums, pointers, bool
  std::optional<Address> address;  // where it lives, when in memory
};

struct Variable {
  std::string name;
  std::string type;  // as in source: "const Order*"
  bool is_argument = false;
  std::string function;  // the (inlined) function it belongs to
  uint32_t declared_line = 0;
  std::string declared_file;
  bool is_pointer = false;  // pointers and references
  bool is_constant_expression = false;
  Value value;
};

// How an expression was tied to the operand of an instruction.
enum class ExpressionTrust : uint8_t {
  kExact,   // the register or slot is this variable by the location list at this very pc, member by
            // type and offset
  kTraced,  // found by following loads backwards inside the function
  kHeuristic,  // value and type fit, but the compiler did not record it
};

// "`order->pricing`": the source expression whose value stood in a register (or at an address).
struct SourceExpression {
  std::string text;           // "order->pricing"
  std::string type;           // of the expression: "Pricing*"
  std::string base_variable;  // "order"
  std::string base_kind;      // "argument", "local", "global", "member of this", "return value"
  std::string function;       // that base_variable belongs to
  uint64_t value = 0;
  bool value_known =
      false;  // false: `value` means nothing (a register that a call has destroyed since)
  std::optional<Address> location;  // where it was loaded from, when that is known
  ExpressionTrust trust = ExpressionTrust::kExact;
  std::vector<std::string> steps;  // how it was found, each a sentence with addresses
};

// The member that an access at `offset` from a pointer of this type would have touched.
struct MemberAccess {
  std::string structure;    // "struct Order"
  std::string member;       // "pricing", "address.city", "items[3].price"
  std::string member_type;  // "Pricing*"
  uint64_t offset = 0;
};

struct OperandExplanation {
  std::optional<SourceExpression> pointer;  // what the base register held
  std::optional<MemberAccess> member;       // what lies at base + displacement
  std::optional<SourceExpression> index;    // what the index register held
  std::string access;   // the whole that was accessed: "order->pricing->fee", "a[i]"; may be empty
  std::string why_not;  // when there is no `pointer`: what is missing
};

// A variable, or the part of one, that lies at an address.
struct ObjectAt {
  std::string text;        // "config.limits[2]"
  std::string type;        // of it: "struct Limit"
  bool is_wanted = false;  // it starts there, and is what was asked for
};

struct ValueOptions {
  size_t max_elements = 10;
  size_t max_depth = 3;
  size_t max_string = 200;
  size_t max_text = 2000;  // bytes of one variable's text
};

// Not thread-safe. All must outlive it.
class VariableReader {
 public:
  VariableReader(const ProcessImage& image, const ModuleSet& modules);
  // With the debug information that another reader of the process has opened
  // (Symbolizer::debug_infos).
  VariableReader(const ProcessImage& image, const ModuleSet& modules, DebugInfos& shared);
  ~VariableReader();

  // Arguments and locals in scope at stack.frames[index], inlined functions' too (innermost first).
  std::vector<Variable> variables(const Stack& stack, size_t index,
                                  const ValueOptions& options = {});

  // The expression behind the memory operand of the instruction at which stack.frames[index]
  // stopped: operand 0 is the first in isa::Instruction::memory.
  OperandExplanation explain_operand(const Stack& stack, size_t index, size_t operand);
  // The expression whose value stands in `register_id` at stack.frames[index].
  std::optional<SourceExpression> explain_register(const Stack& stack, size_t index,
                                                   isa::RegisterId register_id);
  // What stack.frames[caller] called through: for a call that ended at a bad pc, and for a frame
  // that stopped at the call instruction itself because its target was no address at all.
  OperandExplanation explain_call_target(const Stack& stack, size_t caller);
  // The expression that was passed as the n-th integer or pointer argument (0-based) by the call
  // that stack.frames[caller] made: for `strlen(user->name)` and 0, `user->name`. For faults inside
  // functions without debug information.
  OperandExplanation explain_argument(const Stack& stack, size_t caller, unsigned argument);
  // The global or static variable that covers `address` ("config.limits[2]"), from DWARF.
  std::optional<std::string> describe_global(Address address);

  // What lies at `address`, where one of the type named `wanted` ("struct Order") was to be. With
  // `stack`: a local variable of stack->frames[frame]; else a global. nullopt when nothing is known
  // of that place, or when it is a buffer of bytes.
  std::optional<ObjectAt> object_at(Address address, std::string_view wanted,
                                    const Stack* stack = nullptr, size_t frame = 0);

  // For SourceNames, which asks about any instruction of a function.
  Evidence& evidence();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace inquest::process
