#include "process/runtime/v8/frames.h"

#include <fmt/format.h>

#include <utility>

#include "process/runtime/v8/arguments.h"
#include "process/runtime/v8/position_table.h"

namespace inquest::process::v8 {
namespace {

constexpr std::string_view kInterpreted = "interpreted", kBaseline = "baseline",
                           kOptimised = "optimised", kInlined = "inlined", kBuiltin = "builtin";

// What each object inherits from, and what is called without one: a class's name says more.
bool is_telling(const std::string& class_name) {
  return !class_name.empty() && class_name != "Object" && class_name != "global" &&
         class_name != "Function";
}

}  // namespace

std::optional<std::vector<RuntimeFrame>> FrameReader::read(Address fp, Address pc, bool is_return,
                                                           bool in_builtin) {
  const Layout& layout = heap_.layout();
  const auto context = in_frame(fp, layout.frame_context);
  const auto callee = in_frame(fp, layout.frame_function);
  if (!context.ok() || !callee.ok() || !heap_.is_context(*context) || !heap_.is_function(*callee))
    return std::nullopt;
  auto function = functions_.of_function(*callee);
  if (!function.ok()) return std::nullopt;
  const auto receiver = receiver_at(heap_, fp, *function);
  const std::string class_name = receiver ? functions_.class_of(*receiver) : "";
  if (is_telling(class_name) && !function->name.empty() && function->name != class_name)
    function->name = class_name + "." + function->name;

  std::vector<RuntimeFrame> frames;
  const auto bytecodes = bytecodes_of(fp);
  if (in_builtin && bytecodes && function->script) {
    interpreted(fp, *bytecodes, *function, frames);
  } else if (in_builtin) {
    // V8's own functions have a name or nothing that helps.
    if (function->name.empty() || function->script) return std::nullopt;
    frames.push_back(describe(*function, std::nullopt));
    frames.back().tier = kBuiltin;
    frames.back().gap.clear();
  } else {
    compiled(fp, pc, is_return, *function, frames);
  }
  // Those of calls inlined into it never lay on the stack.
  if (function->script)
    frames.back().variables = arguments_at(heap_, functions_, values_, fp, *function);
  return frames;
}

RuntimeFrame FrameReader::describe(const Function& function, std::optional<uint32_t> offset) {
  RuntimeFrame frame{.function = function.name.empty() ? "(anonymous)" : function.name,
                     .file = function.file};
  const bool exact = offset.has_value();
  if (!offset) offset = function.start;
  if (!offset || !function.script) {
    frame.gap = "its line is not known";
    return frame;
  }
  const auto place = functions_.place_of(*function.script, *offset);
  if (!place.ok()) {
    frame.gap = "its line is not known: " + place.error().message();
    return frame;
  }
  frame.line = place->line;
  if (exact) {
    frame.column = place->column;
  } else {
    frame.gap = "the line is where the function begins";
  }
  return frame;
}

Result<Word> FrameReader::in_frame(Address fp, int32_t slot) const {
  return heap_.word(fp + static_cast<uint64_t>(int64_t{slot}));
}

std::optional<Word> FrameReader::bytecodes_of(Address fp) const {
  const Layout& layout = heap_.layout();
  const auto word = in_frame(fp, layout.frame_bytecode_array);
  if (!word.ok() || !heap_.is(*word, layout.types.bytecode_array)) return std::nullopt;
  return *word;
}

std::optional<uint32_t> FrameReader::position_of(Word bytecodes, uint64_t offset) const {
  const Layout& layout = heap_.layout();
  const auto array = heap_.field(bytecodes, layout.bytecode_positions);
  if (!array.ok()) return std::nullopt;
  const auto table = heap_.contents(*array);
  if (!table.ok()) return std::nullopt;
  const auto position = position_at(*table, offset, layout.positions_have_flag);
  return position ? std::optional(position->offset) : std::nullopt;
}

void FrameReader::interpreted(Address fp, Word bytecodes, const Function& function,
                              std::vector<RuntimeFrame>& frames) {
  const Layout& layout = heap_.layout();
  const auto word = in_frame(fp, layout.frame_bytecode_offset);
  std::optional<uint32_t> position;
  // It counts from the object's start, and points to objects have one more.
  const int64_t data = int64_t{layout.bytecode_data} - 1;
  if (word.ok() && word->is_small() && word->small() >= data)
    position = position_of(bytecodes, static_cast<uint64_t>(word->small() - data));
  frames.push_back(describe(function, position));
  frames.back().tier = kInterpreted;
}

Result<uint32_t> FrameReader::baseline_position(const Code& code, Word bytecodes, Address pc) {
  if (!std::exchange(sizes_searched_, true)) sizes_ = BytecodeSizes::find(constants_);
  if (!sizes_) return Error(ErrorCode::kNotFound, "V8's table of bytecode sizes was not found");
  if (code.byte_arrays.empty()) return Error(ErrorCode::kNotFound, "its code has no table");
  const Layout& layout = heap_.layout();
  INQ_TRY(const Bytes table, heap_.contents(code.byte_arrays.back()));
  INQ_TRY(const Word length, heap_.field(bytecodes, layout.bytecode_length));
  if (!length.is_small() || length.small() <= 0)
    return Error(ErrorCode::kCorrupt, "its bytecode has no length");
  INQ_TRY(const Bytes content, heap_.copy(bytecodes.object() + layout.bytecode_data,
                                          static_cast<uint64_t>(length.small())));
  const auto offset = bytecode_at(*sizes_, table, content, pc - code.instructions);
  if (!offset) return Error(ErrorCode::kCorrupt, "its code and its bytecode do not fit");
  const auto position = position_of(bytecodes, *offset);
  if (!position) return Error(ErrorCode::kNotFound, "V8 keeps no positions for it");
  return *position;
}

void FrameReader::compiled(Address fp, Address pc, bool is_return, const Function& function,
                           std::vector<RuntimeFrame>& frames) {
  const auto code = code_at(heap_, pc);
  if (!code) {
    frames.push_back(describe(function, std::nullopt));
    return;
  }
  const auto bytecodes = bytecodes_of(fp);
  if (!code->deopt_data && bytecodes) {
    const auto position = baseline_position(*code, *bytecodes, pc);
    frames.push_back(describe(function, position.ok() ? std::optional(*position) : std::nullopt));
    frames.back().tier = kBaseline;
    if (!position.ok()) frames.back().gap += ": " + position.error().message();
    return;
  }
  for (const InlinedCall& call : calls_at(heap_, *code, pc, is_return)) {
    auto inlined = call.shared ? functions_.of_shared(*call.shared) : Result<Function>(function);
    if (!inlined.ok()) {
      frames.push_back({.gap = "an inlined call could not be read: " + inlined.error().message()});
      continue;
    }
    frames.push_back(describe(*inlined, call.offset));
    frames.back().tier = call.shared ? kInlined : kOptimised;
  }
  if (!frames.empty()) return;
  frames.push_back(describe(function, std::nullopt));
  frames.back().tier = kOptimised;
  frames.back().gap +=
      ": V8 kept no positions of this code, and calls inlined into it are not told";
}

}  // namespace inquest::process::v8
