#include "process/runtime/cpython/locals.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace inquest::process::cpython {
namespace {

constexpr size_t kMaxNamesKept = 20'000;
constexpr uint32_t kCellValue = 16;  // PyCellObject
constexpr std::string_view kUnbound = "unbound";

// Flags of a code object (Include/cpython/code.h), and kinds of its variables (pycore_code.h).
constexpr uint32_t kOptimized = 1, kVariableArguments = 4, kKeywordArguments = 8;
constexpr uint8_t kHidden = 0x10, kCell = 0x40, kFree = 0x80;

}  // namespace

Result<std::vector<std::string>> Locals::texts_of(Address tuple) const {
  INQ_TRY_STATUS(objects_.check_type(tuple, "tuple"));
  const Layout& layout = objects_.layout();
  INQ_TRY(const uint64_t count, objects_.field<uint64_t>(tuple, layout.tuple_size));
  std::vector<std::string> texts;
  for (uint64_t i = 0; i < std::min(count, kMaxVariables); ++i) {
    INQ_TRY(const Address item,
            objects_.pointer(tuple, layout.tuple_items + static_cast<uint32_t>(i) * 8));
    INQ_TRY(std::string text, objects_.text(item));
    texts.push_back(std::move(text));
  }
  return texts;
}

// Up to 3.10: locals, then cells, then what is of functions around.
Status Locals::add_old_names(Address code, Names& names) const {
  const Layout& layout = objects_.layout();
  for (const Offset& offset :
       {layout.code_variables, layout.code_cells, layout.code_free_variables}) {
    INQ_TRY(const Address tuple, objects_.pointer(code, offset.value_or(0)));
    INQ_TRY(const auto texts, texts_of(tuple));
    for (const std::string& text : texts) {
      if (names.list.size() < kMaxVariables)
        names.list.push_back({.text = text, .may_be_cell = offset != layout.code_variables});
    }
  }
  return {};
}

Status Locals::add_new_names(Address code, Names& names) const {
  const Layout& layout = objects_.layout();
  INQ_TRY(const Address tuple, objects_.pointer(code, *layout.code_all_names));
  INQ_TRY(const Address kinds_at, objects_.pointer(code, *layout.code_all_kinds));
  INQ_TRY(const auto texts, texts_of(tuple));
  INQ_TRY(const Bytes kinds, objects_.bytes(kinds_at));
  if (kinds.size() < texts.size())
    return Error(ErrorCode::kCorrupt, "there are more names than kinds of variables");
  for (size_t i = 0; i < texts.size(); ++i) {
    names.list.push_back({.text = texts[i],
                          .may_be_cell = (kinds[i] & (kCell | kFree)) != 0,
                          .is_hidden = (kinds[i] & kHidden) != 0});
  }
  return {};
}

// Arguments come first: by place, by keyword, *args, **kwargs.
Status Locals::mark_arguments(Address code, Names& names) const {
  const Layout& layout = objects_.layout();
  INQ_TRY(const int32_t by_place, objects_.field<int32_t>(code, layout.code_arguments.value_or(0)));
  INQ_TRY(const int32_t by_keyword,
          objects_.field<int32_t>(code, layout.code_keyword_arguments.value_or(0)));
  INQ_TRY(const uint32_t flags, objects_.field<uint32_t>(code, layout.code_flags.value_or(0)));
  names.has_fast_locals = (flags & kOptimized) != 0;
  int64_t count = int64_t{by_place} + by_keyword;
  count += ((flags & kVariableArguments) != 0 ? 1 : 0) + ((flags & kKeywordArguments) != 0 ? 1 : 0);
  if (by_place < 0 || by_keyword < 0) return Error(ErrorCode::kCorrupt, "less than no arguments");
  for (size_t i = 0; i < names.list.size() && static_cast<int64_t>(i) < count; ++i)
    names.list[i].is_argument = true;
  return {};
}

Result<Locals::Names> Locals::read_names(Address code) const {
  const Layout& layout = objects_.layout();
  if (!layout.frame_values || !layout.code_arguments || !layout.code_flags)
    return Error(ErrorCode::kUnsupported, "this version does not tell where they are");
  Names names;
  INQ_TRY_STATUS(layout.code_all_names ? add_new_names(code, names) : add_old_names(code, names));
  INQ_TRY_STATUS(mark_arguments(code, names));
  return names;
}

const Locals::Names& Locals::names_at(Address code) {
  if (const auto known = names_.find(code); known != names_.end()) return known->second;
  if (names_.size() >= kMaxNamesKept) names_.clear();
  auto read = read_names(code);
  Names names;
  if (read.ok()) {
    names = *std::move(read);
  } else {
    names.gap = read.error().message();
  }
  return names_.emplace(code, std::move(names)).first->second;
}

void Locals::read_value(Address at, const Name& name, RuntimeVariable& variable) {
  const auto word = objects_.field<uint64_t>(at, 0);
  if (!word.ok()) {
    variable.why_not = word.error().message();
    return;
  }
  Address value(without_mark(*word, version_));
  if (name.may_be_cell && !value.is_null()) {
    // Until the function has made its cells an argument is there itself. Up to 3.10 that has a
    // place of its own, so that nothing else can be there.
    const auto type = types_.of(value);
    if (type.ok() ? (*type)->kind == Kind::kCell : !version_.is_at_least(11)) {
      const auto inside = objects_.pointer(value, kCellValue);
      if (!inside.ok()) {
        variable.why_not = inside.error().message();
        return;
      }
      value = *inside;
    }
  }
  if (value.is_null()) {
    variable.why_not = kUnbound;
    return;
  }
  values_.show(value, variable);
}

// Of a class' body, or of what exec() runs. A module's are its globals, which are many and mostly
// what it imported: they are left out.
std::vector<RuntimeVariable> Locals::of_dict(Address frame, std::string& gap) {
  const Layout& layout = objects_.layout();
  if (!layout.frame_locals || !layout.frame_globals) return {};
  const auto locals = objects_.pointer(frame, *layout.frame_locals);
  const auto globals = objects_.pointer(frame, *layout.frame_globals);
  if (!locals.ok() || !globals.ok()) {
    gap = fmt::format("its variables: {}", (locals.ok() ? globals : locals).error().message());
    return {};
  }
  if (locals->is_null() || *locals == *globals || !objects_.check_type(*locals, "dict").ok())
    return {};
  const auto entries = entries_of(objects_, version_, *locals, kMaxVariables);
  if (!entries.ok()) {
    gap = fmt::format("its variables: {}", entries.error().message());
    return {};
  }
  std::vector<RuntimeVariable> variables;
  for (const DictEntry& entry : entries->list) {
    auto name = objects_.text(entry.key);
    if (!name.ok()) continue;
    RuntimeVariable& variable = variables.emplace_back();
    variable.name = *std::move(name);
    values_.show(entry.value, variable);
  }
  return variables;
}

std::vector<RuntimeVariable> Locals::of(Address frame, Address code, std::string& gap) {
  const Names& names = names_at(code);
  if (!names.gap.empty()) {
    gap = fmt::format("its variables: {}", names.gap);
    return {};
  }
  if (!names.has_fast_locals) return of_dict(frame, gap);
  std::vector<RuntimeVariable> variables;
  for (size_t i = 0; i < names.list.size(); ++i) {
    const Name& name = names.list[i];
    RuntimeVariable variable{
        .name = name.text, .type = {}, .text = {}, .why_not = {}, .is_argument = name.is_argument};
    read_value(frame + *objects_.layout().frame_values + i * 8, name, variable);
    if (name.is_hidden && variable.why_not == kUnbound) continue;
    // Up to 3.10 an argument that is a cell has a place of each kind: one of them is empty.
    const auto twin = std::find_if(variables.begin(), variables.end(),
                                   [&](const auto& other) { return other.name == name.text; });
    if (twin == variables.end()) {
      variables.push_back(std::move(variable));
    } else if (twin->why_not == kUnbound) {
      variable.is_argument = twin->is_argument;
      *twin = std::move(variable);
    }
  }
  return variables;
}

}  // namespace inquest::process::cpython
