// Where things lie in the objects and frames of one V8. Offsets are in bytes from the start of an
// object, or from the frame pointer.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "process/runtime/v8/metadata.h"
#include "process/runtime/v8/value_layout.h"

namespace inquest::process::v8 {

// Instance types of a Map that are told apart.
struct Types {
  uint16_t byte_array = 0, bytecode_array = 0, code = 0, map = 0, scope_info = 0, script = 0,
           shared_function_info = 0;
  uint16_t first_context = 0, last_context = 0;
  uint16_t first_function = 0, last_function = 0;  // of JSFunction
  uint16_t first_nonstring = 0;
  // Only where V8 has them; else 0.
  uint16_t trusted_byte_array = 0, fixed_array = 0, trusted_fixed_array = 0,
           protected_fixed_array = 0, instruction_stream = 0, debug_info = 0;
};

struct Layout {
  Version version;
  Types types;

  // A frame.
  int32_t frame_context = -8, frame_function = -16;
  int32_t frame_bytecode_array = 0, frame_bytecode_offset = 0;
  // `this`, above which the arguments lie in their order; 0: below V8 8.9, where they lie below it
  // in the reverse order, the last one at frame_last_argument.
  int32_t frame_receiver = 0, frame_last_argument = 0;
  int32_t frame_argument_count = 0;  // how many were passed; 0: not kept
  bool count_has_receiver = false;

  uint32_t map_instance_type = 0, map_constructor = 0;
  uint32_t string_length = 0;
  uint32_t function_shared = 0;
  uint32_t shared_name = 0, shared_script = 0;
  uint32_t shared_parameter_count = 0;  // 0: not known
  uint32_t script_source = 0, script_name = 0;
  uint32_t script_line_offset = 0, script_column_offset = 0;
  uint32_t scope_first_word = 0;
  uint32_t scope_context_locals = 0, scope_first_variable = 0;  // indices of words
  bool scope_has_name_table = false;                            // when it has very many variables
  // From V8 13 on the position of a function stands before its variables.
  bool scope_position_first = false;
  uint32_t bytecode_length = 0, bytecode_positions = 0, bytecode_data = 0;
  uint32_t code_instruction_start = 0;                        // of what holds the instructions
  uint32_t deopt_literals = 0, deopt_inlining_positions = 0;  // indices of elements
  // V8 14 keeps one more bit beside the code offsets of a position table.
  bool positions_have_flag = false;

  ValueLayout values;
};

// kUnsupported: a V8 that keeps its objects in another way, or does not tell how.
Result<Layout> make_layout(const Metadata& metadata);

}  // namespace inquest::process::v8
