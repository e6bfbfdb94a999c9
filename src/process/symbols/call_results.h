// What a call returned, as the source spells it: `v[i]` for std::vector::operator[], `p` for
// unique_ptr::get, `find_cart()` for functions of the program.
#pragma once

#include <functional>

#include "process/symbols/traced_value.h"

namespace inquest::process {

// `argument` explains the n-th integer argument of the call.
Traced call_result(Evidence& evidence, const CodeName& callee,
                   const std::function<Traced(unsigned)>& argument);

}  // namespace inquest::process
