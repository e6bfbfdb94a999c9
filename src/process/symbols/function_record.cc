#include "process/symbols/function_record.h"

#include <algorithm>

#include "base/cursor.h"
#include "binary/demangle/demangle.h"
#include "binary/demangle/names.h"
#include "process/symbols/coroutine_code.h"

namespace inquest::process {
namespace {

using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;

bool covers(const Ranges& ranges, uint64_t pc) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [pc](const auto& range) { return range.first <= pc && pc < range.second; });
}

SourceFrame name_scope(const FunctionRecord::Scope& scope, NameSource source) {
  SourceFrame frame;
  frame.source = source;
  frame.linkage_name = scope.linkage_name;
  // A function of C: what the source calls it is what the linker saw.
  if (scope.linkage_name.empty() && scope.name.find("::") == std::string::npos)
    frame.linkage_name = scope.name;
  if (scope.linkage_name.empty()) {
    frame.function = frame.short_name = scope.name;
    // Breakpad's names are demangled ones, parameters included.
    if (source == NameSource::kBreakpad)
      frame.short_name = demangle::name_of_demangled(demangle::split_suffix(scope.name).name);
  } else if (const auto coroutine = coroutine_symbol(scope.linkage_name)) {
    // The function of the source: gcc's symbol is that of one that takes a pointer to its frame.
    frame.function = demangle::demangle(coroutine->function);
    frame.function.append(" [").append(coroutine->suffix).append("]");
    frame.short_name = demangle::demangle_name_only(coroutine->function, demangle::Suffix::kStrip);
  } else {
    frame.function = demangle::demangle(scope.linkage_name);
    frame.short_name = demangle::demangle_name_only(scope.linkage_name, demangle::Suffix::kStrip);
  }
  return frame;
}

}  // namespace

std::vector<SourceFrame> FunctionRecord::frames_at(uint64_t pc) const {
  std::vector<size_t> chain;  // outermost first
  for (size_t i = 0; i < scopes.size(); ++i) {
    const bool is_next =
        chain.empty() ? i == 0 : scopes[i].parent == static_cast<int32_t>(chain.back());
    if (is_next && (i == 0 || covers(scopes[i].ranges, pc))) chain.push_back(i);
  }
  std::vector<SourceFrame> frames;
  std::optional<SourceLocation> location;
  const auto after =
      std::upper_bound(lines.begin(), lines.end(), pc,
                       [](uint64_t at, const Line& line) { return at < line.address; });
  if (after != lines.begin() && (after - 1)->file != kNoFile) {
    const Line& line = *(after - 1);
    location =
        SourceLocation{line.file < files.size() ? files[line.file] : "", line.line, line.column};
  }
  for (auto index = chain.rbegin(); index != chain.rend(); ++index) {
    const Scope& scope = scopes[*index];
    SourceFrame frame = name_scope(scope, source);
    frame.location = location;
    frame.is_inlined = *index != 0;
    frame.function_start = scopes[0].start;
    frames.push_back(std::move(frame));
    location = SourceLocation{scope.call_file, scope.call_line, scope.call_column};
  }
  if (frames.empty()) {
    frames.emplace_back();
    frames.back().location = location;
  }
  return frames;
}

namespace {

constexpr uint32_t kMaxStrings = 1 << 20;

class Writer {
 public:
  template <typename T>
  void number(T value) {
    const auto* raw = reinterpret_cast<const uint8_t*>(&value);
    bytes.insert(bytes.end(), raw, raw + sizeof(T));
  }
  void text(std::string_view value) {
    number(static_cast<uint32_t>(value.size()));
    bytes.insert(bytes.end(), value.begin(), value.end());
  }
  void ranges(const Ranges& list) {
    number(static_cast<uint32_t>(list.size()));
    for (const auto& [low, high] : list) number(low), number(high);
  }
  Bytes bytes;
};

// A count of things that take `size` bytes each; 0 and a failed cursor when they cannot all be
// there.
uint32_t count(Cursor& cursor, uint64_t size) {
  const uint32_t number = cursor.u32();
  if (number <= kMaxStrings && uint64_t{number} * size <= cursor.remaining()) return number;
  cursor.skip(cursor.remaining() + 1);
  return 0;
}

std::string text(Cursor& cursor) {
  const ByteView bytes = cursor.bytes(cursor.u32());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Ranges ranges(Cursor& cursor) {
  Ranges list(count(cursor, 16));
  for (auto& [low, high] : list) low = cursor.u64(), high = cursor.u64();
  return list;
}

}  // namespace

Bytes encode(const FunctionRecord& record) {
  Writer out;
  out.number(static_cast<uint32_t>(record.source));
  out.number(record.identity);
  out.ranges(record.ranges);
  out.number(static_cast<uint32_t>(record.scopes.size()));
  for (const auto& scope : record.scopes) {
    out.text(scope.name);
    out.text(scope.linkage_name);
    out.text(scope.call_file);
    out.number(scope.call_line);
    out.number(scope.call_column);
    out.number(scope.parent);
    out.number(scope.start);
    out.ranges(scope.ranges);
  }
  out.number(static_cast<uint32_t>(record.files.size()));
  for (const auto& file : record.files) out.text(file);
  out.number(static_cast<uint32_t>(record.lines.size()));
  for (const auto& line : record.lines) {
    out.number(line.address);
    out.number(line.file);
    out.number(line.line);
    out.number(line.column);
  }
  return std::move(out.bytes);
}

Result<FunctionRecord> decode_function_record(ByteView bytes) {
  constexpr uint64_t kScopeSize = 3 * 4 + 3 * 4 + 8 + 4;
  constexpr uint64_t kLineSize = 8 + 3 * 4;
  Cursor cursor(bytes);
  FunctionRecord record;
  const uint32_t source = cursor.u32();
  record.identity = cursor.u64();
  record.ranges = ranges(cursor);
  record.scopes.resize(count(cursor, kScopeSize));
  for (FunctionRecord::Scope& scope : record.scopes) {
    scope.name = text(cursor);
    scope.linkage_name = text(cursor);
    scope.call_file = text(cursor);
    scope.call_line = cursor.u32();
    scope.call_column = cursor.u32();
    scope.parent = cursor.i32();
    scope.start = cursor.u64();
    scope.ranges = ranges(cursor);
  }
  record.files.resize(count(cursor, 4));
  for (auto& file : record.files) file = text(cursor);
  record.lines.resize(count(cursor, kLineSize));
  for (auto& line : record.lines) {
    line.address = cursor.u64();
    line.file = cursor.u32();
    line.line = cursor.u32();
    line.column = cursor.u32();
  }
  if (!cursor.ok() || !cursor.at_end() || source > static_cast<uint32_t>(NameSource::kBreakpad))
    return Error(ErrorCode::kCorrupt, "damaged function record");
  record.source = static_cast<NameSource>(source);
  return record;
}

}  // namespace inquest::process
