// FUNC with the lines and INLINE records behind it, and PUBLIC.
#include <algorithm>

#include "binary/breakpad/fields.h"
#include "binary/breakpad/symbol_file.h"

namespace inquest::breakpad {
namespace {

// Functions may overlap (several names for one code, code in pieces): so many that begin before an
// address are looked at.
constexpr size_t kMaxTried = 16;

uint32_t as_u32(uint64_t value) {
  return static_cast<uint32_t>(std::min<uint64_t>(value, UINT32_MAX));
}

// "FUNC m 1130 28 0 main(int, char**)", without its lines.
std::optional<Function> read_head(std::string_view line) {
  Fields fields(line);
  fields.word();  // FUNC
  std::string_view word = fields.word();
  if (word == "m") word = fields.word();
  const auto start = Fields::number(word, 16);
  const auto size = fields.hex();
  fields.word();  // size of the parameters, which Linux does not have
  if (!start || !size) return std::nullopt;
  const auto end = checked_add(*start, *size);
  if (!end) return std::nullopt;
  Function function;
  function.start = *start;
  function.end = *end;
  function.name = fields.rest();
  return function;
}

// "1130 4 17 2": address, size, line, number of the file.
std::optional<SourceLine> read_line(std::string_view line) {
  Fields fields(line);
  const auto address = fields.hex();
  const auto size = fields.hex();
  const auto number = fields.decimal();
  const auto file = fields.decimal();
  if (!address || !size || !number || !file) return std::nullopt;
  return SourceLine{*address, *size, as_u32(*number), as_u32(*file)};
}

bool ends_function(std::string_view line) {
  return line.starts_with("FUNC ") || line.starts_with("PUBLIC ") || line.starts_with("STACK ");
}

}  // namespace

std::optional<Function> SymbolFile::function_at(uint64_t address) const {
  const auto last = RecordIndex::at_or_before(index_.functions, address);
  for (size_t tried = 0; last && tried <= *last && tried < kMaxTried; ++tried) {
    const uint64_t offset = index_.functions[*last - tried].offset;
    if (auto function = read_function(offset, address)) return function;
  }
  return public_at(address);
}

std::optional<Function> SymbolFile::read_function(uint64_t offset, uint64_t address) const {
  uint64_t next = 0;
  auto function = read_head(line_at(text_, offset, &next));
  if (!function || address < function->start || address >= function->end) return std::nullopt;
  read_body(next, *function);
  return function;
}

void SymbolFile::read_body(uint64_t offset, Function& function) const {
  size_t ranges_left = kMaxInlinedRanges;
  for (size_t read = 0; offset < text_.size() && read < kMaxFunctionLines + kMaxInlinedCalls;
       ++read) {
    const std::string_view line = line_at(text_, offset, &offset);
    if (ends_function(line)) break;
    if (line.starts_with("INLINE ")) {
      auto call = read_inlined(line.substr(7), &ranges_left);
      if (call && function.calls.size() < kMaxInlinedCalls) {
        function.calls.push_back(std::move(*call));
      }
    } else if (auto row = read_line(line); row && function.lines.size() < kMaxFunctionLines) {
      function.lines.push_back(*row);
    }
  }
  const auto before = [](const SourceLine& a, const SourceLine& b) {
    return a.address < b.address;
  };
  if (!std::is_sorted(function.lines.begin(), function.lines.end(), before)) {
    std::stable_sort(function.lines.begin(), function.lines.end(), before);
  }
  std::stable_sort(function.calls.begin(), function.calls.end(),
                   [](const InlinedCall& a, const InlinedCall& b) { return a.depth < b.depth; });
}

// "0 23 1 5 1140 a 1160 4": depth, line and file of the call, number of the callee's name, then
// pairs of address and size. The file is not there in the first version of the record.
std::optional<InlinedCall> SymbolFile::read_inlined(std::string_view line,
                                                    size_t* ranges_left) const {
  const auto words = static_cast<size_t>(std::count(line.begin(), line.end(), ' ')) + 1;
  Fields fields(line);
  const auto depth = fields.decimal();
  const auto call_line = fields.decimal();
  const auto call_file = words % 2 == 0 ? fields.decimal() : std::nullopt;
  const auto origin = fields.decimal();
  if (!depth || !call_line || !origin || (words % 2 == 0 && !call_file)) return std::nullopt;
  InlinedCall call;
  call.depth = as_u32(*depth);
  call.call_line = as_u32(*call_line);
  if (call_file) call.call_file = as_u32(*call_file);
  call.name = text_of(index_.origins, *origin);
  while (!fields.at_end() && *ranges_left > 0) {
    const auto start = fields.hex();
    const auto size = fields.hex();
    const auto end = start && size ? checked_add(*start, *size) : std::nullopt;
    if (!end) break;
    call.ranges.emplace_back(*start, *end);
    --*ranges_left;
  }
  if (call.ranges.empty()) return std::nullopt;
  return call;
}

std::optional<Function> SymbolFile::public_at(uint64_t address) const {
  const auto last = RecordIndex::at_or_before(index_.publics, address);
  if (!last || address == UINT64_MAX) return std::nullopt;
  const RecordIndex::Place place = index_.publics[*last];
  // A function that ended in between says that the symbol's code ended before it.
  const auto function = RecordIndex::at_or_before(index_.functions, address);
  if (function && index_.functions[*function].key >= place.key) return std::nullopt;
  uint64_t next = 0;
  Fields fields(line_at(text_, place.offset, &next));
  fields.word();                            // PUBLIC
  if (fields.word() == "m") fields.word();  // the address
  fields.word();                            // size of the parameters
  Function found;
  found.is_public = true;
  found.start = place.key;
  found.end = std::min(RecordIndex::key_after(index_.publics, address, address + 1),
                       RecordIndex::key_after(index_.functions, address, UINT64_MAX));
  found.end = std::max(found.end, address + 1);
  found.name = fields.rest();
  return found.name.empty() ? std::nullopt : std::optional(std::move(found));
}

}  // namespace inquest::breakpad
