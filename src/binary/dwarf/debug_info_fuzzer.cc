// The file is an ELF; every question is asked at addresses taken from its own tables.
#include <algorithm>
#include <vector>

#include "binary/dwarf/debug_info.h"

using namespace inquest;  // NOLINT

namespace {

constexpr size_t kMaxAddresses = 12;
constexpr int kMaxTypes = 60;

void ask_about_types(dwarf::DebugInfo& info, dwarf::DieRef ref, int& left) {
  std::vector<dwarf::DieRef> open = {ref};
  while (!open.empty() && left-- > 0) {
    const dwarf::DieRef at = open.back();
    open.pop_back();
    info.type_name(at);
    const dwarf::Type type = info.strip(at);
    if (type.target) open.push_back(*type.target);
    for (size_t i = 0; i < type.members.size() && i < 8; ++i) open.push_back(type.members[i].type);
  }
}

void ask(dwarf::DebugInfo& info, uint64_t pc, int& types) {
  info.line_at(pc);
  info.scopes_at(pc);
  info.function_tree(pc, false);
  info.lines_between(pc, pc + 64);
  info.frame_base(pc);
  info.call_site(pc);
  for (const auto& variable : info.variables_at(pc)) {
    info.locations(variable.die);
    if (variable.type && types > 0) ask_about_types(info, *variable.type, types);
  }
  if (const auto unit = info.unit_at(pc)) {
    info.producer(*unit);
    info.language(*unit);
    info.indexed_address(*unit, pc & 0xff);
    info.location_of_die(*unit, pc & 0xffff, (pc & 1) != 0);
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

// Most mutations of a whole file break its headers: change the inside of one debug section instead,
// in place.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  const auto file = elf::File::parse({data, size});
  std::vector<elf::Section> sections;
  if (file.ok()) {
    for (const elf::Section& section : file->sections()) {
      const bool inside = section.offset < size && section.size <= size - section.offset;
      if (section.name.starts_with(".debug") && inside && section.size != 0)
        sections.push_back(section);
    }
  }
  if (sections.empty() || seed % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const elf::Section& section = sections[seed / 16 % sections.size()];
  // A short stretch, so that what comes before it still leads there.
  const uint64_t start = seed / 1024 % section.size;
  const uint64_t length = std::min<uint64_t>(section.size - start, 1 + seed % 64);
  Bytes part(data + section.offset + start, data + section.offset + start + length);
  LLVMFuzzerMutate(part.data(), part.size(), part.size());
  std::copy(part.begin(), part.end(), data + section.offset + start);
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = elf::File::parse({data, size});
  if (!file.ok()) return 0;
  auto opened = dwarf::DebugInfo::open(*file, &*file, nullptr, "");
  if (!opened.ok()) return 0;
  dwarf::DebugInfo& info = **opened;
  std::vector<uint64_t> addresses = {0, 0x1000, file->entry()};
  file->for_each_symbol([&](const elf::Symbol& symbol) {
    if (symbol.size != 0) addresses.push_back(symbol.value + symbol.size / 2);
    return addresses.size() < kMaxAddresses;
  });
  info.prepare(addresses);
  int types = kMaxTypes;
  for (const uint64_t pc : addresses) ask(info, pc, types);
  info.global_at(addresses.back());
  info.find_type("shop::Order");
  if (const auto unit = info.unit_at(addresses.back())) {
    info.unit_lines(*unit);
    info.unit_scopes(*unit);
    info.unit_ranges(*unit);
  }
  return 0;
}
