// SymbolIndex: the file that remembers what was learnt about one build
// (docs/formats/symbol-index.md).
//
// Opening it costs a mapping and the check of its directory; a record is checked when it is read.
// Damage of any kind means "not known": what was lost is learnt again. Writers of several processes
// merge under a lock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/build_id.h"
#include "base/bytes.h"
#include "base/result.h"
#include "platform/os/mapped_file.h"

namespace inquest::process {

// The view of one index file's bytes. `bytes` must outlive it.
class SymbolIndexView {
 public:
  // Checks header and directory. kCorrupt and kMismatch for anything that is not this build's
  // index.
  static Result<SymbolIndexView> parse(ByteView bytes, const BuildId& build_id);

  struct Range {
    uint64_t low = 0, high = 0;
    uint64_t offset = 0;  // of its record
    uint64_t size = 0;
    uint64_t checksum = 0;
    uint64_t identity = 0;  // of the record, see FunctionRecord
  };
  struct Blob {
    uint64_t key_hash = 0;
    uint64_t offset = 0, size = 0, checksum = 0;
  };
  std::optional<Range> find(uint64_t pc) const;
  // The record's bytes; nullopt when they are damaged.
  std::optional<ByteView> record(const Range& range) const;
  std::optional<ByteView> blob(std::string_view key) const;

  // All of it, for merging.
  std::vector<Range> ranges() const;
  std::vector<std::pair<std::string, ByteView>> blobs() const;

 private:
  Range range_at(uint64_t index) const;
  Blob blob_at(uint64_t index) const;
  std::optional<std::pair<std::string_view, ByteView>> blob_contents(const Blob& blob) const;
  std::optional<ByteView> checked(uint64_t offset, uint64_t size, uint64_t checksum) const;

  ByteView bytes_;
  uint32_t range_count_ = 0, blob_count_ = 0;
};

inline constexpr uint64_t kMaxIndexFile = 64ull << 20;

// What a process learnt about one build and has not written yet.
struct IndexAdditions {
  struct Record {
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
    uint64_t identity = 0;
    Bytes bytes;
  };
  std::vector<Record> records;
  std::map<std::string, Bytes> blobs;

  bool empty() const { return records.empty() && blobs.empty(); }
};

// The contents of a file that holds `old` (may be nullptr) and `additions`. Where both speak of an
// address, the additions do. Old contents are dropped when both together would be over
// kMaxIndexFile.
Bytes merge_index(const BuildId& build_id, const SymbolIndexView* old,
                  const IndexAdditions& additions);

// <cache_dir>/<xx>/<rest>.idx
std::string index_path(const std::string& cache_dir, const BuildId& build_id);

class SymbolIndex {
 public:
  // Opens the build's file when there is a sound one.
  SymbolIndex(const std::string& cache_dir, const BuildId& build_id);
  const SymbolIndexView* view() const { return view_ ? &*view_ : nullptr; }
  // Merges with what is on disk by now and replaces the file.
  Status add(const IndexAdditions& additions);

 private:
  std::string path_;
  BuildId build_id_;
  os::MappedFile file_;
  std::optional<SymbolIndexView> view_;
};

}  // namespace inquest::process
