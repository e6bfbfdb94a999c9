// Pack: one file with many objects (pieces of evidence, manifests), each addressed by the SHA-256
// of its content. Written once, under no name until it is whole; never changed. Format:
// docs/formats/vault.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "platform/codec/digest.h"
#include "platform/os/fs.h"

namespace inquest::vault {

inline constexpr uint32_t kMaxObjectBytes = 1 << 30;  // a manifest of 1.5 TiB of evidence
inline constexpr uint64_t kMaxPackObjects = 32 << 20;

// Where an object lies in its pack. `stored` == `size`: it is not compressed.
struct PackEntry {
  codec::Sha256Digest id{};
  uint64_t offset = 0;
  uint32_t stored = 0;
  uint32_t size = 0;

  bool operator==(const PackEntry&) const = default;
};

// The table of a pack: kCorrupt when the file is none, or cut, or changed.
Result<std::vector<PackEntry>> read_pack_table(int fd);
// The same from the bytes of a whole pack.
Result<std::vector<PackEntry>> parse_pack_table(ByteView pack);

// The content of an object, held against its id.
Status read_object(int fd, const PackEntry& entry, std::span<uint8_t> output);

class PackWriter {
 public:
  // `fs` must outlive it.
  static Result<PackWriter> create(os::Fs& fs, int directory);
  PackWriter(PackWriter&&) noexcept = default;
  PackWriter& operator=(PackWriter&&) noexcept = default;
  // Without commit() nothing stays.
  ~PackWriter();

  // `bytes`: the object as it is to be stored; `size`: once decompressed.
  Status add(const codec::Sha256Digest& id, ByteView bytes, uint32_t size);
  uint64_t bytes_written() const { return end_; }
  bool empty() const { return entries_.empty(); }
  const std::vector<PackEntry>& entries() const { return entries_; }

  // Takes back what was added since there were `entries` of them.
  Status roll_back(size_t entries);

  // Writes the table, syncs, and gives the file its name. When it returns ok the pack is durable,
  // and stays as long as this lives, though nothing refers to it yet.
  Status commit(const std::string& name);

 private:
  PackWriter(os::Fs& fs, int directory) : fs_(&fs), directory_(directory) {}
  Status flush();

  os::Fs* fs_;
  int directory_;
  os::Fd fd_;
  std::string temporary_;  // its name where files without one cannot be; else empty
  Bytes buffer_;           // what is to be written at end_ - buffer_.size()
  uint64_t end_ = 0;
  std::vector<PackEntry> entries_;
};

// A name that no pack has.
Result<std::string> new_pack_name();

// Names of files that a writer without O_TMPFILE left behind begin so.
inline constexpr std::string_view kTemporaryPrefix = "tmp-";
inline constexpr std::string_view kPackSuffix = ".pack";

}  // namespace inquest::vault
