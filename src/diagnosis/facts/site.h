// Site: the place where a thread stopped, and what is needed to reason about it. Shared by the
// fault's parts.
#pragma once

#include <optional>
#include <string>

#include "binary/isa/decode.h"
#include "diagnosis/facts/address_facts.h"
#include "diagnosis/facts/memory_map.h"
#include "process/image/process_image.h"
#include "process/modules/modules.h"
#include "process/symbols/variables.h"
#include "process/unwind/frame.h"

namespace inquest::diagnosis {

struct Site {
  const process::ProcessImage& image;
  const process::ModuleSet& modules;
  const MemoryMap& map;
  const AddressClassifier& classifier;
  process::Symbolizer& symbols;
  process::VariableReader* variables;  // may be nullptr
  const process::Stack& stack;
  size_t thread = 0;  // index into image.threads
  size_t frame = 0;   // index into stack.frames: where the fault was
  process::Signal signal;

  const isa::RegisterFile& registers() const { return stack.frames[frame].registers; }
  Address pc() const { return stack.frames[frame].pc; }
  isa::Arch arch() const { return image.arch; }
};

// The instruction at `pc`, from the dump or the file that belongs there; the error says what is
// missing.
Result<isa::Instruction> decode_at(const process::ModuleSet& modules, isa::Arch arch, Address pc);

// The call instruction that ends at `return_pc`. nullopt when there is none or its bytes are
// missing.
std::optional<isa::Instruction> call_before(const process::ModuleSet& modules, isa::Arch arch,
                                            Address return_pc);

// Does code lie at `address`: mapped, and executable as far as known?
bool holds_code(const process::ProcessImage& image, Address address);

AccessKind to_access_kind(isa::Access access);
ExpressionFact to_fact(const process::SourceExpression& expression);
MemberFact to_fact(const process::MemberAccess& member);

}  // namespace inquest::diagnosis
