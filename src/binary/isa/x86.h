// The x86-64 half of decode.h, and the parts it is put together from. Internal to this room.
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "binary/isa/decode.h"

struct ZydisDecodedInstruction_;
struct ZydisDecodedOperand_;

namespace inquest::isa {

Result<Instruction> decode_x86(ByteView code, Address pc);
bool follows_call_x86(ByteView before);

namespace x86 {

// One instruction as Zydis sees it: `operands` has operand_count elements, explicit ones first.
struct Parts {
  const ZydisDecodedInstruction_& instruction;
  const ZydisDecodedOperand_* operands;
};

// The 64-bit integer register that holds this Zydis register, or the pc; nullopt for all others.
std::optional<RegisterId> parent_register(int zydis_register);

// x86_memory.cc: fills `out.memory`.
void add_memory_operands(const Parts& parts, Instruction& out);
// x86_feature.cc: empty when every x86-64 processor has it.
std::string_view needed_feature(const Parts& parts);
// x86_dataflow.cc: fills constant, copy_of, loads_destination, address_of. Needs reads, writes and
// memory.
void add_data_flow(const Parts& parts, Instruction& out);
// x86_compare.cc: fills stores_register, stores_constant, compares, branches_when. Needs memory and
// flow.
void add_stores_and_comparisons(const Parts& parts, Instruction& out);

}  // namespace x86
}  // namespace inquest::isa
