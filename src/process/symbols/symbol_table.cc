#include "process/symbols/symbol_table.h"

#include <algorithm>
#include <vector>

#include "binary/elf/layout.h"

namespace inquest::process {
namespace {

using elf::RawSymbol;

constexpr uint8_t kTypeNone = 0, kTypeObject = 1, kTypeFunction = 2, kTypeIndirect = 10;
constexpr uint8_t kLocal = 0, kGlobal = 1, kWeak = 2, kUnique = 10;
// A label without a size says nothing about code far behind it.
constexpr uint64_t kMaxLabelReach = 1 << 16;

bool is_wanted(uint8_t type, SymbolKind kind) {
  if (type == kTypeNone || type == kTypeFunction || type == kTypeIndirect) return true;
  return type == kTypeObject && kind == SymbolKind::kAnything;
}

int rank(uint8_t binding) {
  switch (binding) {
    case kGlobal:
    case kUnique:
      return 3;
    case kWeak:
      return 2;
    case kLocal:
      return 1;
    default:
      return 0;
  }
}

struct Best {
  bool found = false;
  bool sized = false;
  uint64_t value = 0, size = 0;
  int rank = 0;
  uint32_t name = 0;
};

bool is_better(const Best& candidate, const Best& best) {
  if (!best.found) return true;
  if (candidate.sized != best.sized) return candidate.sized;
  if (candidate.value != best.value) return candidate.value > best.value;
  return candidate.rank > best.rank;
}

struct Table {
  const elf::Section* section = nullptr;
  elf::SectionData symbols;
  elf::SectionData strings;
};

std::optional<Table> open_table(const elf::File& file, uint32_t type) {
  for (const elf::Section& section : file.sections()) {
    if (section.type != type || section.link >= file.sections().size()) continue;
    auto symbols = file.section_data(section);
    auto strings = file.section_data(file.sections()[section.link]);
    if (symbols.ok() && strings.ok() && symbols->bytes().size() >= sizeof(RawSymbol))
      return Table{&section, std::move(*symbols), std::move(*strings)};
  }
  return std::nullopt;
}

std::string_view name_of(const Table& table, uint32_t offset) {
  const ByteView strings = table.strings.bytes();
  return offset < strings.size() ? c_string(strings.subspan(offset)) : std::string_view();
}

// Mapping symbols of AArch64 ("$x", "$d.3") mark what bytes are; they name nothing.
bool is_mapping_symbol(std::string_view name) { return name.starts_with('$'); }

class Matcher {
 public:
  explicit Matcher(std::span<SymbolQuery> queries) : queries_(queries), best_(queries.size()) {
    for (const SymbolQuery& query : queries) addresses_.push_back(query.address);
    lowest_ = addresses_.front();
    highest_ = addresses_.back();
  }

  // The queries that a symbol may answer are those from its start on.
  void offer(const RawSymbol& symbol, uint8_t type, const Table& table) {
    if (symbol.value > highest_) return;
    const bool sized = symbol.size != 0;
    const uint64_t reach = sized ? symbol.size : kMaxLabelReach;
    if (symbol.value < lowest_ && lowest_ - symbol.value >= reach) return;
    if (!sized && (type != kTypeNone || is_mapping_symbol(name_of(table, symbol.name))) &&
        type != kTypeFunction)
      return;
    const Best candidate{
        true,       sized, symbol.value, symbol.size, rank(static_cast<uint8_t>(symbol.info >> 4)),
        symbol.name};
    auto at = std::lower_bound(addresses_.begin(), addresses_.end(), symbol.value);
    for (; at != addresses_.end() && *at - symbol.value < reach; ++at) {
      Best& best = best_[static_cast<size_t>(at - addresses_.begin())];
      if (is_better(candidate, best)) best = candidate;
    }
  }

  void answer(const Table& table) {
    for (size_t i = 0; i < best_.size(); ++i) {
      const Best& best = best_[i];
      auto& known = queries_[i].answer;
      if (!best.found || (known && (known->size != 0 || !best.sized))) continue;
      known = SymbolAnswer{std::string(name_of(table, best.name)), best.value, best.size};
      if (known->name.empty()) known.reset();
    }
  }

 private:
  std::span<SymbolQuery> queries_;
  std::vector<uint64_t> addresses_;
  std::vector<Best> best_;
  uint64_t lowest_ = 0, highest_ = 0;
};

void match_dynamic(const elf::File& file, SymbolKind kind, std::span<SymbolQuery> queries) {
  // Without section headers the table is found through PT_DYNAMIC.
  file.for_each_dynamic_symbol([&](const elf::Symbol& symbol) {
    if (symbol.section == 0 || symbol.size == 0 || !is_wanted(symbol.type, kind)) return true;
    for (SymbolQuery& query : queries) {
      if (query.address < symbol.value || query.address - symbol.value >= symbol.size) continue;
      if (query.answer && query.answer->size != 0 && query.answer->value >= symbol.value) continue;
      query.answer = SymbolAnswer{std::string(symbol.name), symbol.value, symbol.size};
    }
    return true;
  });
}

}  // namespace

bool look_up(const elf::File& file, SymbolKind kind, std::span<SymbolQuery> queries) {
  if (queries.empty()) return false;
  auto table = open_table(file, elf::kShtSymtab);
  const bool full = table.has_value();
  if (!table) table = open_table(file, elf::kShtDynsym);
  if (!table) {
    match_dynamic(file, kind, queries);
    return false;
  }
  Matcher matcher(queries);
  const ByteView symbols = table->symbols.bytes();
  for (uint64_t at = 0; at + sizeof(RawSymbol) <= symbols.size(); at += sizeof(RawSymbol)) {
    RawSymbol symbol;
    std::memcpy(&symbol, symbols.data() + at, sizeof(symbol));
    const auto type = static_cast<uint8_t>(symbol.info & 0xf);
    if (symbol.section != 0 && is_wanted(type, kind)) matcher.offer(symbol, type, *table);
  }
  matcher.answer(*table);
  return full;
}

std::optional<uint64_t> address_of_symbol(const elf::File& file, std::string_view name) {
  if (name.empty()) return std::nullopt;
  if (const auto symbol = file.find_dynamic_symbol(name)) return symbol->value;
  const auto table = open_table(file, elf::kShtSymtab);
  if (!table) return std::nullopt;
  const ByteView symbols = table->symbols.bytes();
  const ByteView strings = table->strings.bytes();
  std::optional<uint64_t> local;
  for (uint64_t at = 0; at + sizeof(RawSymbol) <= symbols.size(); at += sizeof(RawSymbol)) {
    RawSymbol symbol;
    std::memcpy(&symbol, symbols.data() + at, sizeof(symbol));
    if (symbol.section == 0 || !is_wanted(symbol.info & 0xf, SymbolKind::kAnything)) continue;
    // Compare in place: measuring every name would read the whole string table.
    const auto text = slice(strings, symbol.name, name.size() + 1);
    if (!text || text->back() != 0 || std::memcmp(text->data(), name.data(), name.size()) != 0)
      continue;
    if (symbol.info >> 4 != kLocal) return symbol.value;
    if (!local) local = symbol.value;
  }
  return local;
}

}  // namespace inquest::process
