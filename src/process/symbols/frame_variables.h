// FrameVariables: which variables of a frame live where, at any pc of its function.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "process/symbols/frame_context.h"
#include "process/symbols/traced_value.h"

namespace inquest::process {

struct FrameVariable {
  dwarf::VariableInfo info;
  std::string function;     // the (inlined) function it belongs to
  bool of_library = false;  // of std::, core:: and the like
  dwarf::Evaluated where;
};

// Not thread-safe. The context must outlive it; its pc is moved about.
class FrameVariables {
 public:
  explicit FrameVariables(FrameContext& context) : context_(context) {}

  const std::vector<FrameVariable>& at(uint64_t link_pc);

  // A variable, or part of one, that the register holds before the instruction at `link_pc`.
  // `of_library` is set when only a variable of a library function does.
  std::optional<Traced> in_register(uint64_t link_pc, isa::RegisterId id, bool* of_library);
  // The only pointer variable of the program's own functions that has this value because the
  // compiler worked it out.
  std::optional<Traced> with_value(uint64_t link_pc, uint64_t value);
  // The only pointer variable of the program's own functions whose value is `value`, wherever it is
  // kept.
  std::optional<Traced> worth(uint64_t link_pc, uint64_t value);
  // The variable in memory that covers `address`, as its address plus an offset. Those of the
  // program first.
  std::optional<Traced> in_memory(uint64_t link_pc, Address address);

 private:
  Known known(const FrameVariable& variable) const;
  bool may_point(const FrameVariable& variable) const;
  std::optional<Traced> held_by(const FrameVariable& variable, isa::RegisterId id);

  FrameContext& context_;
  std::map<uint64_t, std::vector<FrameVariable>> known_;
};

bool is_library_function(std::string_view qualified_name);

}  // namespace inquest::process
