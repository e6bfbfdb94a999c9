// Small walks over the code around the fault: where a register's value came from, and what it was
// wanted for.
#pragma once

#include <optional>

#include "binary/isa/decode.h"
#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/site.h"

namespace inquest::diagnosis {

// Does the value that `load` fetches soon become the target of a call or jump (a vtable, a table of
// functions)?
bool feeds_call(const Site& site, const isa::Instruction& load);

// The bad register was loaded from memory shortly before, in straight-line code, and that memory
// now holds something else: another thread wrote it meanwhile, or it was freed and used again.
// nullopt when it agrees or cannot be said.
std::optional<Fact> find_changed_since(const Site& site, const StackFacts& frames,
                                       const OperandFacts& operand);

}  // namespace inquest::diagnosis
