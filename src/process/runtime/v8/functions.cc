#include "process/runtime/v8/functions.h"

#include <algorithm>

#include "process/runtime/v8/properties.h"

namespace inquest::process::v8 {
namespace {

constexpr uint64_t kMaxLocals = 4096;      // of one scope that live in its context
constexpr uint64_t kMaxInlinedNames = 75;  // more names stand in a table of their own
constexpr uint64_t kWordsAfterLocals = 7;  // among them the name, if there is one
constexpr size_t kMaxSources = 1024;
constexpr uint16_t kMostParameters = 65534;  // the number above stood for that before V8 10
constexpr int kMaxMaps = 64;                 // from a Map back to the first of its kind

// A line ends at \n, \r, \r\n, U+2028 and U+2029: ECMA-262, 12.3.
void find_line_ends(const Characters& piece, uint32_t before, bool& after_return,
                    std::vector<uint32_t>& ends) {
  for (uint64_t i = 0; i < piece.count(); ++i) {
    const char16_t c = piece.at(i);
    const auto at = static_cast<uint32_t>(before + i);
    // The \r of \r\n does not end the line, the \n does.
    if (after_return && c != '\n') ends.push_back(at - 1);
    after_return = c == '\r';
    if (c == '\n' || c == 0x2028 || c == 0x2029) ends.push_back(at);
  }
}

}  // namespace

Result<Function> Functions::of_function(Word function) const {
  INQ_TRY(const Word shared, heap_.field(function, heap_.layout().function_shared));
  return of_shared(shared);
}

Result<Function> Functions::of_shared(Word shared) const {
  const Layout& layout = heap_.layout();
  INQ_TRY(const uint16_t type, heap_.type_of(shared));
  if (type != layout.types.shared_function_info)
    return Error(ErrorCode::kCorrupt, "what should describe a function does not");
  Function function;
  INQ_TRY(const Word name, heap_.field(shared, layout.shared_name));
  INQ_TRY_STATUS(read_name(name, function));
  INQ_TRY_STATUS(read_script(shared, function));
  if (layout.shared_parameter_count != 0) {
    const auto count = heap_.load<uint16_t>(shared.object() + layout.shared_parameter_count);
    // Since `this` counts, none at all stands for "takes them as they come".
    const uint16_t more = layout.count_has_receiver ? 1 : 0;
    if (count.ok() && *count >= more && *count <= kMostParameters)
      function.parameter_count = static_cast<uint16_t>(*count - more);
  }
  return function;
}

Status Functions::read_name(Word name_or_scope, Function& function) const {
  if (!name_or_scope.is_object()) return {};
  INQ_TRY(const uint16_t type, heap_.type_of(name_or_scope));
  if (type == heap_.layout().types.scope_info) return read_scope(name_or_scope, function);
  if (type >= heap_.layout().types.first_nonstring) return {};
  INQ_TRY(function.name, heap_.text(name_or_scope));
  return {};
}

// A ScopeInfo: flags, number of parameters, number of locals in the context, the position of the
// function in newer versions, names and kinds of those locals, then what only some have: among it
// the function's name, a name inferred from what it was assigned to, and in older versions the
// position. Source: src/objects/scope-info.tq of V8.
Status Functions::read_scope(Word scope, Function& function) const {
  const Layout& layout = heap_.layout();
  const auto at = [&](uint64_t index) {
    return heap_.field(scope, layout.scope_first_word + 8 * index);
  };
  INQ_TRY(const Word locals, at(layout.scope_context_locals));
  if (!locals.is_small() || locals.small() < 0 ||
      static_cast<uint64_t>(locals.small()) > kMaxLocals)
    return Error(ErrorCode::kCorrupt, "a scope with an impossible number of variables");
  const auto count = static_cast<uint64_t>(locals.small());
  const bool in_table = count >= kMaxInlinedNames && layout.scope_has_name_table;
  uint64_t index = layout.scope_first_variable + count + (in_table ? 1 : count);
  std::vector<int64_t> numbers;
  bool named = false;
  for (const uint64_t end = index + kWordsAfterLocals; index < end; ++index) {
    const auto word = at(index);
    if (!word.ok()) break;
    if (word->is_small()) {
      numbers.push_back(word->small());
      continue;
    }
    const auto type = heap_.type_of(*word);
    // The scope around it, or what a module imports: names behind that are not its own.
    if (!type.ok() || *type == layout.types.scope_info || *type == layout.types.map ||
        (layout.types.fixed_array != 0 && *type == layout.types.fixed_array))
      break;
    if (*type >= layout.types.first_nonstring) continue;
    if (named && !function.name.empty()) continue;
    INQ_TRY(function.name, heap_.text(*word));
    named = true;
  }
  if (layout.scope_position_first) {
    INQ_TRY(const Word start, at(layout.scope_first_variable - 2));
    if (start.is_small() && start.small() >= 0)
      function.start = static_cast<uint32_t>(start.small());
  } else if (numbers.size() >= 2 && numbers[numbers.size() - 2] >= 0) {
    function.start = static_cast<uint32_t>(numbers[numbers.size() - 2]);
  }
  return {};
}

Status Functions::read_script(Word shared, Function& function) const {
  const Layout& layout = heap_.layout();
  INQ_TRY(Word script, heap_.field(shared, layout.shared_script));
  if (heap_.is(script, layout.types.debug_info)) {
    // A debugger put its own object in between: DebugInfo.shared is behind its Map and flags.
    constexpr uint64_t kLastWord = 48;
    for (uint64_t offset = 8; offset < kLastWord; offset += 8) {
      const auto inner = heap_.field(script, offset);
      if (inner.ok() && heap_.is(*inner, layout.types.script)) {
        script = *inner;
        break;
      }
    }
  }
  if (!heap_.is(script, layout.types.script)) return {};
  function.script = script;
  INQ_TRY(const Word name, heap_.field(script, layout.script_name));
  if (!heap_.is_string(name)) return {};
  INQ_TRY(function.file, heap_.text(name));
  return {};
}

std::string Functions::class_of(Word object) const {
  const Layout& layout = heap_.layout();
  if (!object.is_object() || heap_.is_string(object) || heap_.is_function(object)) return {};
  // Of a class derived from one of V8's own (Error, Map, Uint8Array) only the prototype tells.
  const auto constructor = constructor_of(heap_, object);
  if (constructor) {
    const auto made_by = of_function(*constructor);
    if (made_by.ok() && !made_by->name.empty()) return made_by->name;
  }
  auto next = heap_.word(object.object());
  for (int i = 0; i < kMaxMaps && next.ok(); ++i) {
    if (heap_.is_function(*next)) {
      const auto made_by = of_function(*next);
      return made_by.ok() ? made_by->name : std::string();
    }
    if (!heap_.is(*next, layout.types.map)) return {};
    next = heap_.field(*next, layout.map_constructor);
  }
  return {};
}

std::vector<Parameter> Functions::parameters_of(const Function& function) const {
  if (!function.script || !function.start) return {};
  const auto source = heap_.field(*function.script, heap_.layout().script_source);
  if (!source.ok()) return {};
  const auto text = heap_.characters(*source, *function.start, kMaxParameterText);
  if (!text.ok()) return {};
  return parameters_at(*text).value_or(std::vector<Parameter>());
}

Status Functions::read_source(Word script, uint32_t offset, Source& source) const {
  const Layout& layout = heap_.layout();
  const auto number = [&](uint32_t field) -> int64_t {
    const auto word = heap_.field(script, field);
    return word.ok() && word->is_small() ? word->small() : 0;
  };
  Source read{.line_ends = {},
              .known = 0,
              .line_offset = number(layout.script_line_offset),
              .column_offset = number(layout.script_column_offset)};
  if (offset > kMaxSource) return Error(ErrorCode::kTooLarge, "the script is too long");
  INQ_TRY(const Word text, heap_.field(script, layout.script_source));
  bool after_return = false;
  // One character more tells whether a \r ends the line.
  INQ_TRY_STATUS(heap_.for_each_piece(text, uint64_t{offset} + 1, [&](const Characters& piece) {
    find_line_ends(piece, read.known, after_return, read.line_ends);
    read.known += static_cast<uint32_t>(piece.count());
    return true;
  }));
  if (read.known < offset)
    return Error(ErrorCode::kCorrupt, "a position beyond the end of its script");
  source = std::move(read);
  return {};
}

Result<Place> Functions::place_of(Word script, uint32_t offset) {
  if (sources_.size() > kMaxSources) sources_.clear();
  Source& source = sources_[script.bits];
  if (source.known <= offset) INQ_TRY_STATUS(read_source(script, offset, source));
  const auto& ends = source.line_ends;
  const auto line = std::lower_bound(ends.begin(), ends.end(), offset);
  const auto index = line - ends.begin();
  const uint32_t start = index == 0 ? 0 : ends[static_cast<size_t>(index - 1)] + 1;
  const int64_t line_number = index + source.line_offset + 1;
  const int64_t column = int64_t{offset} - start + 1 + (index == 0 ? source.column_offset : 0);
  if (line_number < 1 || line_number > UINT32_MAX || column < 1 || column > UINT32_MAX)
    return Error(ErrorCode::kCorrupt, "a position outside of its script");
  return Place{.line = static_cast<uint32_t>(line_number), .column = static_cast<uint32_t>(column)};
}

}  // namespace inquest::process::v8
