// Manifest: what a piece of evidence is made of, in order. What no piece covers is a hole.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "platform/codec/digest.h"

namespace inquest::vault {

// Pieces of evidence. 64 KiB: measured in docs/vault.md.
inline constexpr uint32_t kChunkBytes = 64 * 1024;
inline constexpr uint64_t kMaxChunks = 20'000'000;
inline constexpr uint64_t kMaxEvidenceBytes = uint64_t{1} << 46;

struct ManifestEntry {
  uint64_t offset = 0;
  uint32_t size = 0;  // 1 to kChunkBytes
  codec::Sha256Digest object{};

  bool operator==(const ManifestEntry&) const = default;
};

struct Manifest {
  uint64_t size = 0;                   // of the evidence, holes included
  std::vector<ManifestEntry> entries;  // ascending, not overlapping

  bool operator==(const Manifest&) const = default;
};

Bytes to_bytes(const Manifest& manifest);
Result<Manifest> parse_manifest(ByteView bytes);

}  // namespace inquest::vault
