#include "process/symbols/record_maker.h"

#include <sys/stat.h>
#include <xxhash.h>

#include <algorithm>

#include "process/symbols/breakpad_record.h"
#include "process/symbols/symbol_table.h"

namespace inquest::process {
namespace {

constexpr size_t kMaxScopes = 1 << 16;
constexpr size_t kMaxLines = 1 << 18;
// Bytes of code. A larger function may inline thousands of others (interpreters, generated code):
// its whole tree costs more than the few addresses that are asked about.
constexpr uint64_t kLargeFunction = 4096;

void add_file(std::string& text, const std::string& path) {
  struct stat status = {};
  text += path;
  if (path.empty() || stat(path.c_str(), &status) != 0) return;
  text += '\0' + std::to_string(status.st_size) + '\0' + std::to_string(status.st_mtim.tv_sec) +
          '\0' + std::to_string(status.st_mtim.tv_nsec);
}

FunctionRecord::Scope scope_of(const dwarf::DebugInfo::UnitScope& unit_scope) {
  const dwarf::FunctionScope& from = unit_scope.scope;
  FunctionRecord::Scope scope;
  scope.name = from.name;
  scope.linkage_name = from.linkage_name;
  scope.call_file = from.call_file;
  scope.call_line = from.call_line;
  scope.call_column = from.call_column;
  scope.parent = unit_scope.parent;
  scope.start = from.low_pc;
  scope.ranges = unit_scope.ranges;
  return scope;
}

// What stands at one address of a large function: `chain` is innermost first.
FunctionRecord record_of_address(const std::vector<dwarf::FunctionScope>& chain, uint64_t pc) {
  FunctionRecord record;
  record.source = NameSource::kDwarf;
  record.ranges = {{pc, pc + 1}};
  for (size_t i = chain.size(); i-- > 0;) {
    record.scopes.push_back(
        scope_of({chain[i], record.ranges, static_cast<int32_t>(record.scopes.size()) - 1}));
  }
  return record;
}

uint32_t file_index(FunctionRecord& record, std::string_view file) {
  // The rows of a function name few files, and mostly the same as before.
  for (size_t i = record.files.size(); i-- > 0;) {
    if (record.files[i] == file) return static_cast<uint32_t>(i);
  }
  record.files.emplace_back(file);
  return static_cast<uint32_t>(record.files.size() - 1);
}

}  // namespace

uint64_t module_identity(const Module& module) {
  std::string text;
  add_file(text, module.found_path());
  text += '\0';
  if (module.debug() != nullptr) add_file(text, module.debug_path());
  text += '\0';
  if (module.alt_debug() != nullptr) add_file(text, module.alt_debug_path());
  text += '\0';
  if (module.breakpad_symbols() != nullptr) add_file(text, module.breakpad_symbols()->path());
  const uint64_t hash = XXH3_64bits(text.data(), text.size());
  return hash != 0 ? hash : 1;
}

void RecordMaker::prepare(std::span<const uint64_t> pcs) {
  if (debug_ != nullptr) debug_->prepare(pcs);
}

void RecordMaker::add_lines(FunctionRecord& record, uint64_t low, uint64_t high) {
  if (debug_ == nullptr) return;
  for (const auto& row : debug_->lines_between(low, high)) {
    if (record.lines.size() >= kMaxLines) break;
    const uint32_t file = row.end_sequence ? FunctionRecord::kNoFile : file_index(record, row.file);
    record.lines.push_back({row.address, file, row.line, row.column});
  }
  if (!record.lines.empty() && record.lines.back().file != FunctionRecord::kNoFile)
    record.lines.push_back({high, FunctionRecord::kNoFile, 0, 0});
}

std::optional<FunctionRecord> RecordMaker::from_dwarf(uint64_t pc) {
  if (debug_ == nullptr) return std::nullopt;
  const auto chain = debug_->scopes_at(pc, false);
  if (chain.empty()) return std::nullopt;
  if (chain.back().code_size > kLargeFunction) {
    FunctionRecord record = record_of_address(chain, pc);
    name_by_symbol(record, pc);
    add_lines(record, pc, pc + 1);
    return record;
  }
  const auto tree = debug_->function_tree(pc, false);
  if (tree.empty() || tree.front().ranges.empty()) return std::nullopt;
  FunctionRecord record;
  record.source = NameSource::kDwarf;
  for (const auto& scope : tree) {
    if (record.scopes.size() < kMaxScopes) record.scopes.push_back(scope_of(scope));
  }
  name_by_symbol(record, pc);
  record.ranges = record.scopes.front().ranges;
  std::sort(record.ranges.begin(), record.ranges.end());
  for (const auto& [low, high] : record.ranges) add_lines(record, low, high);
  return record;
}

void RecordMaker::name_by_symbol(FunctionRecord& record, uint64_t pc) {
  FunctionRecord::Scope& function = record.scopes.front();
  if (!function.name.empty() || !function.linkage_name.empty()) return;
  const auto found = from_symbols(std::span(&pc, 1));
  if (found.empty() || found.front().scopes.empty()) return;
  function.linkage_name = found.front().scopes.front().linkage_name;
}

std::optional<FunctionRecord> RecordMaker::from_breakpad(uint64_t pc) {
  auto record = record_of_breakpad(module_, pc);
  // A linker's symbol is known better from the binary itself.
  const bool has_table = module_.binary() != nullptr || module_.mini_debug() != nullptr;
  if (record && record->source != NameSource::kBreakpad && has_table) return std::nullopt;
  return record;
}

std::vector<FunctionRecord> RecordMaker::from_symbols(std::span<const uint64_t> pcs) {
  struct Source {
    const elf::File* file;
    NameSource full;  // what to call its .symtab
  };
  const Source sources[] = {{module_.debug(), NameSource::kSymbolTable},
                            {module_.binary(), NameSource::kSymbolTable},
                            {module_.mini_debug(), NameSource::kMiniDebug}};
  std::vector<SymbolQuery> queries;
  for (const uint64_t pc : pcs) queries.push_back({pc, std::nullopt});
  std::vector<NameSource> found(queries.size(), NameSource::kNone);
  const elf::File* last = nullptr;
  for (const Source& source : sources) {
    if (source.file == nullptr || source.file == last) continue;
    last = source.file;
    std::vector<uint64_t> before;
    for (const auto& query : queries) before.push_back(query.answer ? query.answer->value : 0);
    const bool full = look_up(*source.file, SymbolKind::kCode, queries);
    for (size_t i = 0; i < queries.size(); ++i) {
      if (queries[i].answer && queries[i].answer->value != before[i])
        found[i] = full ? source.full : NameSource::kDynamicSymbols;
    }
  }
  std::vector<FunctionRecord> records;
  for (size_t i = 0; i < queries.size(); ++i) {
    SymbolQuery& query = queries[i];
    if ((!query.answer || query.answer->size == 0) && module_.binary() != nullptr) {
      if (auto stub = plt_name(*module_.binary(), query.address)) {
        query.answer = std::move(stub);
        found[i] = NameSource::kDynamicSymbols;
      }
    }
    FunctionRecord record;
    record.source = found[i];
    record.ranges = {{query.address, query.address + 1}};
    if (query.answer) {
      const uint64_t start = query.answer->value;
      const uint64_t end = start + query.answer->size;
      if (query.answer->size != 0) record.ranges = {{start, end}};
      FunctionRecord::Scope scope;
      scope.linkage_name = query.answer->name;
      scope.start = start;
      scope.ranges = record.ranges;
      record.scopes.push_back(std::move(scope));
    }
    add_lines(record, record.ranges[0].first, record.ranges[0].second);
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace inquest::process
