// SIGFPE and SIGILL: what a division divided, and which processor feature an instruction needed.
#pragma once

#include "binary/isa/decode.h"
#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/site.h"

namespace inquest::diagnosis {

// Fills kind, divisor, dividend and divisor_expression. Does nothing when the instruction does not
// divide.
void describe_division(const Site& site, const isa::Instruction& instruction, FaultFacts& fault);

// Adds to `inconsistencies` when the processor state says that the feature was there after all.
void describe_missing_feature(const Site& site, FaultFacts& fault);

// XCR0: the extended state that the system had enabled, from the XSAVE area in the dump. nullopt
// when not recorded.
std::optional<uint64_t> enabled_features(ByteView xsave_area);

}  // namespace inquest::diagnosis
