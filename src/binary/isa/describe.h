// One line that holds everything decode() says about an instruction: what the tables of the tests
// compare.
#pragma once

#include <string>

#include "binary/isa/decode.h"

namespace inquest::isa {

// "text | flow | memory… | r:… w:… | facts", parts that are empty left out.
std::string describe(Arch arch, const Instruction& instruction);

// The same for bytes, or "error: <code>" when they do not decode.
std::string describe(Arch arch, ByteView code, Address pc);

}  // namespace inquest::isa
