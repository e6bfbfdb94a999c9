// Names of procedure linkage table entries: the entry jumps through a slot, and the slot's
// relocation names the function.
#include <fmt/format.h>

#include "binary/elf/layout.h"
#include "process/symbols/symbol_table.h"

namespace inquest::process {
namespace {

constexpr uint64_t kEntrySize = 16;
constexpr uint64_t kHeaderSizeA64 = 32;
constexpr uint64_t kMaxRelocations = 1 << 20;

struct RawRela {
  uint64_t offset;
  uint64_t info;
  int64_t addend;
};

// jmp *disp32(%rip), with or without bnd before it, and endbr64 before that.
std::optional<uint64_t> slot_x86(ByteView entry, uint64_t address) {
  for (uint64_t i = 0; i + 6 <= entry.size(); ++i) {
    if (entry[i] != 0xff || entry[i + 1] != 0x25) continue;
    const auto displacement = *load<int32_t>(entry, i + 2);
    return address + i + 6 + static_cast<uint64_t>(int64_t{displacement});
  }
  return std::nullopt;
}

// adrp x16, page; ldr x17, [x16, #offset]; possibly behind a bti.
std::optional<uint64_t> slot_a64(ByteView entry, uint64_t address) {
  for (uint64_t i = 0; i + 8 <= entry.size(); i += 4) {
    const auto adrp = *load<uint32_t>(entry, i);
    const auto ldr = *load<uint32_t>(entry, i + 4);
    if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211) continue;
    const uint64_t pages = (uint64_t{adrp >> 5 & 0x7ffff} << 2) | (adrp >> 29 & 3);
    const auto offset = static_cast<int64_t>(pages << 43) >> 31;  // 21 bits, in pages of 4 KiB
    const uint64_t page = (address + i) & ~uint64_t{0xfff};
    return page + static_cast<uint64_t>(offset) + uint64_t{ldr >> 10 & 0xfff} * 8;
  }
  return std::nullopt;
}

std::optional<std::string> relocated_name(const elf::File& binary, std::string_view section,
                                          uint64_t slot) {
  const elf::Section* table = binary.find_section(section);
  if (table == nullptr || table->link >= binary.sections().size()) return std::nullopt;
  const elf::Section& symbols = binary.sections()[table->link];
  const auto relocations = binary.section_data(*table);
  const auto symbol_data = binary.section_data(symbols);
  if (!relocations.ok() || !symbol_data.ok() || symbols.link >= binary.sections().size())
    return std::nullopt;
  const auto strings = binary.section_data(binary.sections()[symbols.link]);
  if (!strings.ok()) return std::nullopt;
  const ByteView bytes = relocations->bytes();
  for (uint64_t i = 0; i < kMaxRelocations; ++i) {
    const auto relocation = load<RawRela>(bytes, i * sizeof(RawRela));
    if (!relocation) return std::nullopt;
    if (relocation->offset != slot) continue;
    const auto symbol = load<elf::RawSymbol>(symbol_data->bytes(),
                                             (relocation->info >> 32) * sizeof(elf::RawSymbol));
    if (!symbol || symbol->name == 0 || symbol->name >= strings->bytes().size())
      return std::nullopt;
    return std::string(c_string(strings->bytes().subspan(symbol->name)));
  }
  return std::nullopt;
}

}  // namespace

std::optional<SymbolAnswer> plt_name(const elf::File& binary, uint64_t address) {
  const bool a64 = binary.machine() == elf::kEmAArch64;
  for (const std::string_view name : {".plt.sec", ".plt", ".plt.got"}) {
    const elf::Section* section = binary.find_section(name);
    if (section == nullptr || address < section->address ||
        address - section->address >= section->size)
      continue;
    const uint64_t header = name != ".plt" ? 0 : a64 ? kHeaderSizeA64 : kEntrySize;
    const uint64_t offset = address - section->address;
    if (offset < header) return std::nullopt;
    // Entries of .plt.got without branch protection are 8 bytes; finding the jump from a 16-byte
    // boundary would give the neighbour's name.
    const uint64_t size = section->entry_size == 8 ? 8 : kEntrySize;
    const uint64_t start = section->address + header + (offset - header) / size * size;
    const auto data = binary.section_data(*section);
    const auto entry =
        data.ok() ? slice(data->bytes(), start - section->address, size) : std::nullopt;
    if (!entry) return std::nullopt;
    const auto slot = a64 ? slot_a64(*entry, start) : slot_x86(*entry, start);
    if (!slot) return std::nullopt;
    auto function = relocated_name(binary, ".rela.plt", *slot);
    if (!function) function = relocated_name(binary, ".rela.dyn", *slot);
    if (!function) return std::nullopt;
    return SymbolAnswer{fmt::format("{}@plt", *function), start, size};
  }
  return std::nullopt;
}

}  // namespace inquest::process
