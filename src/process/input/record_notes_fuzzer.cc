// The notes of a slim record: mappings up to the first NUL, then JSON. What comes out must be in
// order and cover what the core holds.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "process/input/record_notes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest;
  const ByteView all(data, size);
  const auto* end = std::find(all.begin().base(), all.end().base(), 0);
  const auto split = static_cast<size_t>(end - all.data());
  const ByteView maps = all.first(split);
  const ByteView rest = split < size ? all.subspan(split + 1) : ByteView();
  size_t unreadable = 0;
  const auto core = elf::File::parse(rest);
  if (core.ok()) {
    const auto crossed = process::cross_record_mappings(*core, maps, &unreadable);
    Address last;
    for (const process::Mapping& mapping : crossed.mappings) {
      INQ_CHECK(last <= mapping.range.start && mapping.range.start < mapping.range.end);
      INQ_CHECK(mapping.dumped <= mapping.range.size());
      last = mapping.range.end;
    }
    last = {};
    for (const process::CoreMemory::Piece& piece : crossed.pieces) {
      INQ_CHECK(last <= piece.range.start && piece.range.start < piece.range.end);
      INQ_CHECK(piece.available <= piece.dumped && piece.dumped <= piece.range.size());
      INQ_CHECK(piece.available == 0 || piece.offset + piece.available <= rest.size());
      last = piece.range.end;
    }
  }
  process::ProcessImage image;
  image.threads.resize(2);
  image.threads[1].tid = 71;
  const std::string_view json(reinterpret_cast<const char*>(rest.data()), rest.size());
  static_cast<void>(process::read_record_json(json, image));
  return 0;
}
