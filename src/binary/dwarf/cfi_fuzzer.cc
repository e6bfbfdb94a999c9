// Arbitrary bytes as .eh_frame_hdr, .eh_frame or .debug_frame, and as a whole ELF file.
#include "binary/dwarf/cfi.h"

namespace {

// Input: two bytes say where to cut, one which section gets which part.
void ask(inquest::dwarf::CfiTable& table, uint64_t frame_address) {
  for (const uint64_t pc : {uint64_t{0}, uint64_t{0x1000}, frame_address - 0x100, frame_address,
                            frame_address + 0x80, ~uint64_t{0}}) {
    const auto row = table.row_at(pc);
    if (row && (pc < row->function_start || pc >= row->function_end || pc < row->start))
      __builtin_trap();
    (void)table.function_at(pc);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const inquest::ByteView input(data + 3, size - 3);
  const size_t cut = std::min<size_t>(data[0] | data[1] << 8, input.size());
  inquest::dwarf::CfiTable::Sections sections;
  const bool debug_only = (data[2] & 1) != 0;
  if (debug_only) {
    sections.debug_frame = input;
  } else {
    sections.eh_frame_hdr = input.first(cut);
    sections.eh_frame_hdr_address = 0x3000;
    sections.eh_frame = input.subspan(cut);
    sections.eh_frame_address = 0x2000;
  }
  inquest::dwarf::CfiTable table(sections);
  ask(table, sections.eh_frame_address);

  if ((data[2] & 2) != 0) {
    const auto file = inquest::elf::File::parse(input);
    if (!file) return 0;
    const auto from_file = inquest::dwarf::CfiTable::from_file(*file);
    if (from_file != nullptr) ask(*from_file, 0x2000);
  }
  return 0;
}
