// When pc itself was bad: how control came there, and what the caller called through.
#pragma once

#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/site.h"

namespace inquest::diagnosis {

// Fills kind, frame, instruction, pc_facts, call_operand and call_target_expression of a fault
// whose pc held no code.
void describe_bad_pc(const Site& site, FaultFacts& fault);

// A call, jump or return that the processor refused because its target is no address at all: pc
// still stands on it. False when the instruction is none of these or its target is fine.
bool describe_refused_transfer(const Site& site, const isa::Instruction& instruction,
                               FaultFacts& fault);

}  // namespace inquest::diagnosis
