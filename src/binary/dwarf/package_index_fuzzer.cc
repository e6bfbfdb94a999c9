// The file is a .debug_cu_index; its first bytes are also what is looked for.
#include "binary/dwarf/package_index.h"

using namespace inquest;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  const dwarf::PackageIndex index(bytes);
  for (uint64_t at = 0; at < 64; at += 8) index.find(load<uint64_t>(bytes, at).value_or(at));
  return 0;
}
