// Symbol tables: by section header, or, when a file has none, by the dynamic section alone.
#include <algorithm>

#include "binary/elf/file.h"
#include "binary/elf/layout.h"

namespace inquest::elf {
namespace {

constexpr uint64_t kMaxDynamicEntries = 4096;
constexpr uint64_t kMaxDynamicSymbols = 1u << 24;
constexpr uint64_t kMaxDynamicString = 4096;
constexpr uint64_t kMaxSymbolName = 1u << 16;
// Honest tables share suffixes, so names may add up to more than the string table, but not by much.
constexpr uint64_t kNameBudgetFactor = 16;
constexpr uint64_t kNameBudgetFloor = 16u << 20;
constexpr uint64_t kMaxHashChain = 1u << 16;

uint32_t gnu_hash(std::string_view name) {
  uint32_t hash = 5381;
  for (const char c : name) hash = hash * 33 + static_cast<uint8_t>(c);
  return hash;
}

// How many symbols a DT_GNU_HASH table covers: one past the end of the chain of the highest bucket.
uint64_t gnu_hash_symbol_count(ByteView table) {
  const auto buckets = load<uint32_t>(table, 0);
  const auto first = load<uint32_t>(table, 4);
  const auto bloom_words = load<uint32_t>(table, 8);
  if (!buckets || !first || !bloom_words) return 0;
  const uint64_t bucket_table = 16 + uint64_t{*bloom_words} * 8;
  const uint64_t chains = bucket_table + uint64_t{*buckets} * 4;
  if (chains > table.size()) return 0;
  uint32_t highest = 0;
  for (uint64_t i = 0; i < *buckets; ++i) {
    highest = std::max(highest, *load<uint32_t>(table, bucket_table + i * 4));
  }
  if (highest < *first) return *first;
  uint64_t index = highest;
  while (index < kMaxDynamicSymbols) {
    const auto hash = load<uint32_t>(table, chains + (index - *first) * 4);
    if (!hash) return 0;
    ++index;
    if ((*hash & 1) != 0) return index;
  }
  return 0;
}

std::string_view name_at(ByteView strings, uint64_t offset) {
  if (offset >= strings.size()) return {};
  return c_string(strings.subspan(offset, std::min(strings.size() - offset, kMaxSymbolName)));
}

Symbol symbol_of(const RawSymbol& raw, ByteView strings) {
  return {name_at(strings, raw.name),
          raw.value,
          raw.size,
          static_cast<uint8_t>(raw.info & 0xf),
          static_cast<uint8_t>(raw.info >> 4),
          raw.section};
}

}  // namespace

struct File::SymbolTable {
  ByteView symbols;  // whole Elf64_Sym
  ByteView strings;

  void for_each(const std::function<bool(const Symbol&)>& visit) const {
    uint64_t budget = kNameBudgetFloor + strings.size() * kNameBudgetFactor;
    for (uint64_t at = sizeof(RawSymbol); at + sizeof(RawSymbol) <= symbols.size();
         at += sizeof(RawSymbol)) {
      const Symbol symbol = symbol_of(*load<RawSymbol>(symbols, at), strings);
      if (symbol.name.size() > budget || !visit(symbol)) return;
      budget -= symbol.name.size();
    }
  }
};

ByteView File::dynamic_table() const {
  for (const Segment& segment : segments_) {
    if (segment.type != kPtDynamic) continue;
    ByteView bytes;
    if (image_) {
      bytes = bytes_from(segment.vaddr);
      bytes = bytes.first(std::min<uint64_t>(bytes.size(), segment.memory_size));
    } else if (segment.offset < bytes_.size()) {
      const uint64_t room = bytes_.size() - segment.offset;
      bytes = bytes_.subspan(segment.offset, std::min(segment.file_size, room));
    }
    return bytes.first(std::min<uint64_t>(bytes.size(), kMaxDynamicEntries * sizeof(RawDynamic)));
  }
  return {};
}

std::optional<uint64_t> File::dynamic_value(int64_t tag) const {
  const ByteView table = dynamic_table();
  for (uint64_t at = 0; at + sizeof(RawDynamic) <= table.size(); at += sizeof(RawDynamic)) {
    const RawDynamic entry = *load<RawDynamic>(table, at);
    if (entry.tag == tag) return entry.value;
    if (entry.tag == kDtNull) break;
  }
  return std::nullopt;
}

std::optional<std::string_view> File::dynamic_name(uint64_t offset) const {
  const auto table = dynamic_value(kDtStrtab);
  if (!table) return std::nullopt;
  const ByteView strings = bytes_from(*table);
  if (offset >= strings.size()) return std::nullopt;
  const uint64_t room = std::min(strings.size() - offset, kMaxDynamicString);
  const std::string_view text = c_string(strings.subspan(offset, room));
  if (text.size() == room) return std::nullopt;
  return text;
}

std::optional<std::string_view> File::dynamic_string(int64_t tag) const {
  const auto offset = dynamic_value(tag);
  return offset ? dynamic_name(*offset) : std::nullopt;
}

std::vector<std::string_view> File::dynamic_strings(int64_t tag) const {
  std::vector<std::string_view> names;
  const ByteView table = dynamic_table();
  for (uint64_t at = 0; at + sizeof(RawDynamic) <= table.size(); at += sizeof(RawDynamic)) {
    const RawDynamic entry = *load<RawDynamic>(table, at);
    if (entry.tag == kDtNull) break;
    if (entry.tag != tag) continue;
    if (const auto name = dynamic_name(entry.value)) names.push_back(*name);
  }
  return names;
}

std::optional<File::SymbolTable> File::section_symbols(uint32_t type) const {
  for (const Section& section : sections_) {
    if (section.type != type || section.link >= sections_.size()) continue;
    const Section& names = sections_[section.link];
    if (names.type == kShtNobits) continue;
    const auto symbols = slice(bytes_, section.offset, section.size);
    const auto strings = slice(bytes_, names.offset, names.size);
    if (symbols && strings) return SymbolTable{*symbols, *strings};
  }
  return std::nullopt;
}

std::optional<File::SymbolTable> File::dynamic_symbols() const {
  if (auto table = section_symbols(kShtDynsym)) return table;
  const auto symbols = dynamic_value(kDtSymtab);
  const auto strings = dynamic_value(kDtStrtab);
  if (!symbols || !strings) return std::nullopt;
  uint64_t count = 0;
  if (const auto hash = dynamic_value(kDtHash)) {
    count = load<uint32_t>(bytes_from(*hash), 4).value_or(0);  // nchain
  }
  if (const auto hash = dynamic_value(kDtGnuHash); count == 0 && hash) {
    count = gnu_hash_symbol_count(bytes_from(*hash));
  }
  SymbolTable table{bytes_from(*symbols), bytes_from(*strings)};
  count = std::min<uint64_t>(count, table.symbols.size() / sizeof(RawSymbol));
  table.symbols = table.symbols.first(count * sizeof(RawSymbol));
  if (const auto size = dynamic_value(kDtStrsz)) {
    table.strings = table.strings.first(std::min<uint64_t>(table.strings.size(), *size));
  }
  return table;
}

void File::for_each_symbol(const std::function<bool(const Symbol&)>& visit) const {
  if (const auto table = section_symbols(kShtSymtab)) return table->for_each(visit);
  for_each_dynamic_symbol(visit);
}

void File::for_each_dynamic_symbol(const std::function<bool(const Symbol&)>& visit) const {
  if (const auto table = dynamic_symbols()) table->for_each(visit);
}

std::optional<Symbol> File::find_by_gnu_hash(std::string_view name, bool* searched) const {
  *searched = false;
  const auto pointer = dynamic_value(kDtGnuHash);
  const auto symbols = dynamic_symbols();
  if (!pointer || !symbols) return std::nullopt;
  const ByteView table = bytes_from(*pointer);
  const auto buckets = load<uint32_t>(table, 0);
  const auto first = load<uint32_t>(table, 4);
  const auto bloom_words = load<uint32_t>(table, 8);
  if (!bloom_words || *buckets == 0) return std::nullopt;
  *searched = true;
  const uint32_t hash = gnu_hash(name);
  const uint64_t bucket_table = 16 + uint64_t{*bloom_words} * 8;
  const auto start = load<uint32_t>(table, bucket_table + uint64_t{hash % *buckets} * 4);
  if (!start || *start < *first) return std::nullopt;
  const uint64_t chains = bucket_table + uint64_t{*buckets} * 4;
  for (uint64_t index = *start; index < *start + kMaxHashChain; ++index) {
    const auto link = load<uint32_t>(table, chains + (index - *first) * 4);
    const auto raw = load<RawSymbol>(symbols->symbols, index * sizeof(RawSymbol));
    if (!link || !raw) return std::nullopt;
    if ((*link | 1) == (hash | 1) && raw->section != 0) {
      const Symbol symbol = symbol_of(*raw, symbols->strings);
      if (symbol.name == name) return symbol;
    }
    if ((*link & 1) != 0) break;
  }
  return std::nullopt;
}

std::optional<Symbol> File::find_dynamic_symbol(std::string_view name) const {
  bool searched = false;
  auto found = find_by_gnu_hash(name, &searched);
  if (searched) return found;
  for_each_dynamic_symbol([&](const Symbol& symbol) {
    if (symbol.section == 0 || symbol.name != name) return true;
    found = symbol;
    return false;
  });
  return found;
}

}  // namespace inquest::elf
