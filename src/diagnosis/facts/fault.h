// The fault: the instruction at which the thread stopped, what it wanted, and what was wrong with
// that.
#pragma once

#include <optional>

#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/site.h"

namespace inquest::diagnosis {

// nullopt when the signal is none that an instruction raises. `frames` are the roles and names of
// site.stack.
std::optional<FaultFacts> describe_fault(const Site& site, const StackFacts& frames);

// Bytes of stack, in use and in all, and of the frames around the fault. Part of describe_fault.
void add_stack_facts(const Site& site, FaultFacts& fault);

}  // namespace inquest::diagnosis
