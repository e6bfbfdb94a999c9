#include "process/runtime/v8/layout.h"

#include <fmt/format.h>

namespace inquest::process::v8 {
namespace {

constexpr int32_t kMaxOffset = 4096;  // of a field or a frame's slot; anything larger is no offset
constexpr int32_t kMaxType = 0xffff;
constexpr int32_t kFirstToCountReceiver = 10;  // V8 10.0 counts `this` among the arguments

// The constants of a V8: what it must tell, and what has been the same in those versions that do
// not tell it.
class Constants {
 public:
  explicit Constants(const Metadata& metadata) : metadata_(metadata) {}

  uint32_t field(std::string_view class_name, std::string_view name) {
    return checked(metadata_.field(class_name, name), fmt::format("{}.{}", class_name, name));
  }
  uint32_t field(std::string_view class_name, std::string_view name, uint32_t otherwise) {
    const auto value = metadata_.field(class_name, name);
    return value ? checked(value, std::string(name)) : otherwise;
  }
  uint32_t index(std::string_view name) {
    return checked(metadata_.constant(name), std::string(name));
  }
  uint32_t index(std::string_view name, uint32_t otherwise) {
    const auto value = metadata_.constant(name);
    return value ? checked(value, std::string(name)) : otherwise;
  }
  int32_t slot(std::string_view name, int32_t otherwise) const {
    const auto value = metadata_.constant(name);
    return value && *value > -kMaxOffset && *value < kMaxOffset ? *value : otherwise;
  }
  uint16_t type(std::string_view class_name, std::string_view constant) {
    const uint16_t value = optional_type(class_name, constant);
    if (value == 0) miss(fmt::format("the type {}", class_name));
    return value;
  }
  uint16_t optional_type(std::string_view class_name, std::string_view constant) const {
    return number(fmt::format("type_{}__{}", class_name, constant));
  }
  // Of a V8 that does not tell: 0.
  uint16_t number(std::string_view name) const {
    const auto value = metadata_.constant(name);
    return value && *value > 0 && *value <= kMaxType ? static_cast<uint16_t>(*value) : 0;
  }
  bool has(std::string_view name) const { return metadata_.constant(name).has_value(); }

  void miss(std::string what) {
    if (missing_.empty()) missing_ = std::move(what);
  }
  const std::string& missing() const { return missing_; }

 private:
  uint32_t checked(std::optional<int32_t> value, std::string name) {
    if (value && *value >= 0 && *value < kMaxOffset) return static_cast<uint32_t>(*value);
    miss(std::move(name));
    return 0;
  }

  const Metadata& metadata_;
  std::string missing_;  // the first of what it should tell and does not
};

Types types_of(Constants& constants) {
  Types types{
      .byte_array = constants.type("ByteArray", "BYTE_ARRAY_TYPE"),
      .bytecode_array = constants.type("BytecodeArray", "BYTECODE_ARRAY_TYPE"),
      .code = constants.type("Code", "CODE_TYPE"),
      .map = constants.type("Map", "MAP_TYPE"),
      .scope_info = constants.type("ScopeInfo", "SCOPE_INFO_TYPE"),
      .script = constants.type("Script", "SCRIPT_TYPE"),
      .shared_function_info = constants.type("SharedFunctionInfo", "SHARED_FUNCTION_INFO_TYPE"),
      .first_context = constants.number("FirstContextType"),
      .last_context = constants.number("LastContextType"),
      .first_function = constants.number("FirstJSFunctionType"),
      .last_function = constants.number("LastJSFunctionType"),
      .first_nonstring = constants.number("FirstNonstringType"),
      .trusted_byte_array = constants.optional_type("TrustedByteArray", "TRUSTED_BYTE_ARRAY_TYPE"),
      .fixed_array = constants.optional_type("FixedArray", "FIXED_ARRAY_TYPE"),
      .trusted_fixed_array =
          constants.optional_type("TrustedFixedArray", "TRUSTED_FIXED_ARRAY_TYPE"),
      .protected_fixed_array =
          constants.optional_type("ProtectedFixedArray", "PROTECTED_FIXED_ARRAY_TYPE"),
      .instruction_stream = constants.optional_type("InstructionStream", "INSTRUCTION_STREAM_TYPE"),
      .debug_info = constants.optional_type("DebugInfo", "DEBUG_INFO_TYPE"),
  };
  if (types.first_function == 0) {
    // Constructors of classes, promises, typed arrays have types of their own, right behind.
    constexpr uint16_t kMostFunctionTypes = 20;
    types.first_function = constants.type("JSFunction", "JS_FUNCTION_TYPE");
    types.last_function = static_cast<uint16_t>(types.first_function + kMostFunctionTypes);
  }
  if (types.first_context == 0 || types.last_context < types.first_context)
    constants.miss("the types of contexts");
  if (types.first_nonstring == 0) constants.miss("the types of strings");
  return types;
}

}  // namespace

Result<Layout> make_layout(const Metadata& metadata) {
  Constants constants(metadata);
  if (constants.index("TaggedSize", 8) != 8) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("V8 {} compresses its pointers, which is not read",
                             to_string(metadata.version())));
  }
  Layout layout;
  layout.version = metadata.version();
  layout.types = types_of(constants);
  // Before V8 8.9 a call with too few arguments went through a frame of its own, and a frame had no
  // word for their number, nor were the arguments in this order.
  const bool adapts_arguments = constants.has("frametype_ArgumentsAdaptorFrame");
  const int32_t shift = adapts_arguments ? 8 : 0;
  layout.frame_context = constants.slot("off_fp_context", -8);
  layout.frame_function = constants.slot("off_fp_function", -16);
  layout.frame_bytecode_array = constants.slot("off_fp_bytecode_array", -32 + shift);
  layout.frame_bytecode_offset = constants.slot("off_fp_bytecode_offset", -40 + shift);
  layout.frame_receiver = adapts_arguments ? 0 : constants.slot("off_fp_args", 0);
  layout.frame_last_argument = adapts_arguments ? constants.slot("off_fp_args", 0) : 0;
  layout.frame_argument_count = adapts_arguments ? 0 : layout.frame_function - 8;
  layout.count_has_receiver = layout.version.major >= kFirstToCountReceiver;
  layout.map_instance_type = constants.field("Map", "instance_type");
  layout.map_constructor = constants.field("Map", "constructor_or_back", 32);
  layout.string_length = constants.field("String", "length");
  layout.function_shared = constants.field("JSFunction", "shared");
  layout.shared_name = constants.field("SharedFunctionInfo", "name_or_scope_info");
  layout.shared_script = constants.field("SharedFunctionInfo", "script_or_debug_info", 0);
  if (layout.shared_script == 0)
    layout.shared_script = constants.field("SharedFunctionInfo", "script");
  layout.shared_parameter_count =
      constants.field("SharedFunctionInfo", "internal_formal_parameter_count", 0);
  layout.script_name = constants.field("Script", "name");
  layout.script_source = constants.field("Script", "source", 8);
  layout.script_line_offset = constants.field("Script", "line_offset", 24);
  layout.script_column_offset = constants.field("Script", "column_offset", 32);
  layout.scope_context_locals = constants.index("scopeinfo_idx_ncontextlocals");
  layout.scope_first_variable = constants.index("scopeinfo_idx_first_vars");
  // Before V8 9 a ScopeInfo was an array, with its length in front.
  const bool is_array = layout.version.major < 9;
  layout.scope_first_word = is_array ? 16 : 8;
  layout.scope_has_name_table = !is_array;
  layout.scope_position_first = layout.scope_first_variable >= 5;
  layout.bytecode_length = constants.field("BytecodeArray", "length", 8);
  const bool has_wrapper = metadata.field("BytecodeArray", "wrapper").has_value();
  layout.bytecode_positions =
      constants.field("BytecodeArray", "source_position_table", has_wrapper ? 24 : 32);
  layout.bytecode_data = constants.field("BytecodeArray", "data", 54);
  layout.code_instruction_start = constants.field(
      layout.types.instruction_stream != 0 ? "InstructionStream" : "Code", "instruction_start");
  layout.deopt_literals = constants.index("DeoptimizationDataLiteralArrayIndex", 2);
  layout.deopt_inlining_positions = constants.index("DeoptimizationDataInliningPositionsIndex", 7);
  layout.positions_have_flag = layout.version.major >= 14;
  layout.values = make_value_layout(metadata);
  if (!constants.missing().empty()) {
    return Error(
        ErrorCode::kUnsupported,
        fmt::format("V8 {} does not tell {}", to_string(layout.version), constants.missing()));
  }
  return layout;
}

}  // namespace inquest::process::v8
