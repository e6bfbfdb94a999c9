// The AArch64 half of decode.h. Internal to this room.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "binary/isa/decode.h"

namespace inquest::isa {

Result<Instruction> decode_a64(ByteView code, Address pc);
bool follows_call_a64(ByteView before);

}  // namespace inquest::isa
