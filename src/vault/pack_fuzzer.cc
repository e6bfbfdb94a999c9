// Packs and manifests of any bytes: what is accepted lies inside.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "vault/manifest.h"
#include "vault/pack.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest::vault;
  const inquest::ByteView bytes(data, size);
  if (const auto entries = parse_pack_table(bytes); entries.ok()) {
    for (const PackEntry& entry : *entries) {
      INQ_CHECK(entry.offset <= size && size - entry.offset >= entry.stored);
      INQ_CHECK(entry.size <= kMaxObjectBytes && entry.stored <= entry.size);
    }
  }
  const auto manifest = parse_manifest(bytes);
  if (!manifest.ok()) return 0;
  uint64_t end = 0;
  for (const ManifestEntry& entry : manifest->entries) {
    INQ_CHECK(entry.offset >= end && entry.size > 0);
    end = entry.offset + entry.size;
  }
  INQ_CHECK(end <= manifest->size);
  const inquest::Bytes again = to_bytes(*manifest);
  INQ_CHECK(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
  return 0;
}
