// What a traced register or operand is called in reports: Traced values as SourceExpressions.
#pragma once

#include <optional>

#include "process/symbols/operand_trace.h"

namespace inquest::process {

// `in_register`: what stands in the register that the expression was found for.
SourceExpression expression_of(const Known& known, std::optional<uint64_t> in_register);
SourceExpression constant_expression(uint64_t value);
// The pointer in a sum, or the lone integer that is used as one; nullptr without.
const Known* pointer_in(const Traced& traced);
// Fills member, access and index of what lies at `address`.
void explain_address(Evidence& evidence, const Traced& address, uint64_t size,
                     OperandExplanation& out);
// The memory operand number `operand` of instruction `at`.
OperandExplanation explain_memory(Evidence& evidence, OperandTrace& trace, size_t at,
                                  size_t operand);
// What `id` holds before instruction `at`.
std::optional<SourceExpression> explain_register_of(Evidence& evidence, OperandTrace& trace,
                                                    size_t at, isa::RegisterId id);

}  // namespace inquest::process
