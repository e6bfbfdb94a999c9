#include "vault/manifest.h"

#include <algorithm>

#include "base/cursor.h"

namespace inquest::vault {
namespace {

constexpr uint32_t kMagic = 0x314d5149;  // "IQM1"
constexpr uint64_t kEntryBytes = 44;

template <typename T>
void put(Bytes& to, T value) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  to.insert(to.end(), bytes, bytes + sizeof(T));
}

}  // namespace

Bytes to_bytes(const Manifest& manifest) {
  Bytes bytes;
  bytes.reserve(20 + manifest.entries.size() * kEntryBytes);
  put(bytes, kMagic);
  put(bytes, manifest.size);
  put(bytes, uint64_t{manifest.entries.size()});
  for (const ManifestEntry& entry : manifest.entries) {
    put(bytes, entry.offset);
    put(bytes, entry.size);
    bytes.insert(bytes.end(), entry.object.begin(), entry.object.end());
  }
  return bytes;
}

Result<Manifest> parse_manifest(ByteView bytes) {
  const auto corrupt = [](const char* what) { return Error(ErrorCode::kCorrupt, what); };
  Cursor cursor(bytes);
  const uint32_t magic = cursor.u32();
  Manifest manifest;
  manifest.size = cursor.u64();
  const uint64_t count = cursor.u64();
  if (!cursor.ok() || magic != kMagic) return corrupt("a manifest is none");
  if (manifest.size > kMaxEvidenceBytes || count > kMaxChunks ||
      cursor.remaining() != count * kEntryBytes) {
    return corrupt("a manifest has another size than it says");
  }
  manifest.entries.resize(count);
  uint64_t end = 0;
  for (ManifestEntry& entry : manifest.entries) {
    entry.offset = cursor.u64();
    entry.size = cursor.u32();
    const ByteView object = cursor.bytes(entry.object.size());
    std::copy(object.begin(), object.end(), entry.object.begin());
    if (entry.size == 0 || entry.size > kChunkBytes || entry.offset < end ||
        entry.offset > manifest.size || manifest.size - entry.offset < entry.size) {
      return corrupt("the parts of a manifest overlap, or lie outside it");
    }
    end = entry.offset + entry.size;
  }
  return manifest;
}

}  // namespace inquest::vault
