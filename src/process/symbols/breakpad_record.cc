#include "process/symbols/breakpad_record.h"

#include <algorithm>
#include <map>

#include "binary/breakpad/symbol_file.h"

namespace inquest::process {
namespace {

// Bytes of code, as for DWARF: the whole tree of a larger function is not worth its price.
constexpr uint64_t kLargeFunction = 4096;
// Nor is that of one with more pieces of inlined code than a function of this size can have:
// finding the caller of each is quadratic.
constexpr size_t kManyRanges = 4096;
constexpr uint32_t kMaxInlineDepth = 256;

class Maker {
 public:
  Maker(const Module& module, const breakpad::SymbolFile& symbols, breakpad::Function function)
      : module_(module), symbols_(symbols), function_(std::move(function)) {}

  FunctionRecord make(uint64_t pc) {
    size_t ranges = 0;
    for (const breakpad::InlinedCall& call : function_.calls) ranges += call.ranges.size();
    const bool whole = (function_.end - function_.start <= kLargeFunction || function_.is_public) &&
                       ranges <= kManyRanges;
    const uint64_t low = whole ? to_link(function_.start) : pc;
    const uint64_t high = whole ? to_link(function_.end) : pc + 1;
    record_.source = function_.is_public ? NameSource::kSymbolTable : NameSource::kBreakpad;
    record_.ranges = {{low, high}};
    add_scope(function_.name, record_.ranges, -1).start = to_link(function_.start);
    add_calls(low, high);
    add_lines(low, high);
    return std::move(record_);
  }

 private:
  uint64_t to_link(uint64_t address) const {
    return address + module_.range.start.value - module_.bias;
  }

  // dump_syms writes names demangled, where it can.
  FunctionRecord::Scope& add_scope(std::string_view name,
                                   std::vector<std::pair<uint64_t, uint64_t>> ranges,
                                   int32_t parent) {
    FunctionRecord::Scope& scope = record_.scopes.emplace_back();
    const bool mangled = name.starts_with("_Z") || name.starts_with("_R");
    (mangled ? scope.linkage_name : scope.name) = name;
    scope.ranges = std::move(ranges);
    scope.parent = parent;
    return scope;
  }

  // The calls come ordered by depth. The caller of one is the nearest above that covers its start.
  void add_calls(uint64_t low, uint64_t high) {
    std::vector<uint32_t> depths = {
        0};  // of each scope: a call of depth n is a scope of depth n + 1
    for (const breakpad::InlinedCall& call : function_.calls) {
      std::vector<std::pair<uint64_t, uint64_t>> ranges;
      for (const auto& [start, end] : call.ranges) {
        const uint64_t from = std::max(to_link(start), low), to = std::min(to_link(end), high);
        if (from < to) ranges.emplace_back(from, to);
      }
      if (ranges.empty() || call.depth > kMaxInlineDepth) continue;
      const int32_t parent = parent_of(call.depth, ranges.front().first, depths);
      if (parent < 0) continue;
      FunctionRecord::Scope& scope = add_scope(call.name, std::move(ranges), parent);
      scope.start = scope.ranges.front().first;
      scope.call_line = call.call_line;
      // The first version of the record did not tell the file.
      if (call.call_file) scope.call_file = symbols_.file_name(*call.call_file);
      depths.push_back(call.depth + 1);
    }
  }

  int32_t parent_of(uint32_t depth, uint64_t address, const std::vector<uint32_t>& depths) const {
    if (depth == 0) return 0;
    for (size_t i = depths.size(); i-- > 1;) {
      if (depths[i] < depth) return -1;
      if (depths[i] != depth) continue;
      const auto& ranges = record_.scopes[i].ranges;
      const bool covers = std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
        return range.first <= address && address < range.second;
      });
      if (covers) return static_cast<int32_t>(i);
    }
    return -1;
  }

  uint32_t file_index(uint32_t number) {
    const auto [place, is_new] =
        files_.try_emplace(number, static_cast<uint32_t>(record_.files.size()));
    if (is_new) record_.files.emplace_back(symbols_.file_name(number));
    return place->second;
  }

  void add_lines(uint64_t low, uint64_t high) {
    uint64_t end = 0;
    for (const breakpad::SourceLine& line : function_.lines) {
      const uint64_t start = to_link(line.address);
      const auto stop = checked_add(start, line.size);
      if (!stop || start >= high || *stop <= low) continue;
      if (end != 0 && start > end) record_.lines.push_back({end, FunctionRecord::kNoFile, 0, 0});
      record_.lines.push_back({start, file_index(line.file), line.line, 0});
      end = *stop;
    }
    if (end != 0) record_.lines.push_back({end, FunctionRecord::kNoFile, 0, 0});
  }

  const Module& module_;
  const breakpad::SymbolFile& symbols_;
  breakpad::Function function_;
  FunctionRecord record_;
  std::map<uint32_t, uint32_t> files_;
};

}  // namespace

std::optional<FunctionRecord> record_of_breakpad(const Module& module, uint64_t pc) {
  const breakpad::SymbolFile* symbols = module.breakpad_symbols();
  if (symbols == nullptr) return std::nullopt;
  auto function = symbols->function_at(module.to_breakpad(pc));
  if (!function) return std::nullopt;
  return Maker(module, *symbols, std::move(*function)).make(pc);
}

}  // namespace inquest::process
