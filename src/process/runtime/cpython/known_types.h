// The names of built-in types where the interpreter's file, which holds them, is not at hand: by
// the names under which its own modules have them.
#pragma once

#include <vector>

#include "process/runtime/cpython/objects.h"
#include "process/runtime/cpython/version.h"

namespace inquest::process::cpython {

// Teaches `objects` those that modules of the first interpreter tell; of asyncio's only when that
// is loaded. Reads the same whether the names can be read or not, so that a slim record keeps what
// it takes.
void learn_types(Objects& objects, const Version& version, const std::vector<Address>& interpreters,
                 bool has_asyncio);

}  // namespace inquest::process::cpython
