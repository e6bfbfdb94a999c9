// SymbolTable: ELF symbols by address, for many addresses in one pass. Nothing is sorted or copied.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "binary/elf/file.h"

namespace inquest::process {

struct SymbolAnswer {
  std::string name;
  uint64_t value = 0;
  uint64_t size = 0;  // 0: the symbol has none; it was the nearest before the address
};

enum class SymbolKind : uint8_t {
  kCode,     // functions, and labels of assembly
  kAnything  // objects too
};

// One address to look up. `answer` is only replaced by a better one, so several tables can be tried
// in turn.
struct SymbolQuery {
  uint64_t address = 0;
  std::optional<SymbolAnswer> answer;
};

// Answers queries (sorted by address) from .symtab when there is one, else from .dynsym. True when
// it was .symtab.
bool look_up(const elf::File& file, SymbolKind kind, std::span<SymbolQuery> queries);

// The address of a defined symbol: .dynsym by its hash table, then .symtab.
std::optional<uint64_t> address_of_symbol(const elf::File& file, std::string_view name);

// "malloc@plt" when `address` lies in a procedure linkage table.
std::optional<SymbolAnswer> plt_name(const elf::File& binary, uint64_t address);

}  // namespace inquest::process
