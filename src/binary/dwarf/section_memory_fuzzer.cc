// The first two bytes are the size of a section, the rest is what was kept of it.
#include <cstdlib>

#include "binary/dwarf/section_memory.h"

using namespace inquest;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  const uint64_t section_size = load<uint16_t>(bytes).value_or(0);
  if (size < 2) return 0;
  Bytes section(section_size);
  const auto parts = dwarf::decode_parts(bytes.subspan(2), section);
  if (!parts) return 0;
  // What was accepted is written the same way again.
  Bytes again(section_size);
  const auto same = dwarf::decode_parts(dwarf::encode_parts(*parts, section), again);
  if (!same || !same->includes(*parts) || again != section) std::abort();
  return 0;
}
