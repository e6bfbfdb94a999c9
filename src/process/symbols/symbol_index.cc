#include "process/symbols/symbol_index.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>

#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "process/symbols/cache_limit.h"

namespace inquest::process {
namespace {

constexpr std::array<char, 8> kMagic = {'I', 'N', 'Q', 'S', 'Y', 'M', 'I', 'X'};
constexpr uint32_t kVersion = 1;

struct Header {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kVersion;
  uint32_t build_id_size = 0;
  std::array<uint8_t, BuildId::kMaxSize> build_id{};
  uint64_t file_size = 0;
  uint32_t range_count = 0;
  uint32_t blob_count = 0;
  uint64_t directory_checksum = 0;
  uint64_t header_checksum = 0;  // of all before it
};
static_assert(sizeof(Header) == 112);

uint64_t checksum(ByteView bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

ByteView raw(const auto& value, size_t size) {
  return {reinterpret_cast<const uint8_t*>(&value), size};
}

uint64_t header_checksum(const Header& header) {
  return checksum(raw(header, offsetof(Header, header_checksum)));
}

uint64_t key_hash(std::string_view key) { return XXH3_64bits(key.data(), key.size()); }

using Range = SymbolIndexView::Range;
using Blob = SymbolIndexView::Blob;

uint64_t directory_size(uint64_t ranges, uint64_t blobs) {
  return ranges * sizeof(Range) + blobs * sizeof(Blob);
}

}  // namespace

Result<SymbolIndexView> SymbolIndexView::parse(ByteView bytes, const BuildId& build_id) {
  const Error damaged(ErrorCode::kCorrupt, "damaged symbol index");
  const auto header = load<Header>(bytes);
  if (!header || header->magic != kMagic || header->version != kVersion ||
      header->header_checksum != header_checksum(*header) || header->file_size != bytes.size())
    return damaged;
  const auto id =
      ByteView(header->build_id).first(std::min<size_t>(header->build_id_size, BuildId::kMaxSize));
  if (BuildId(id) != build_id) return Error(ErrorCode::kMismatch, "symbol index of another build");
  const auto directory =
      slice(bytes, sizeof(Header), directory_size(header->range_count, header->blob_count));
  if (!directory || checksum(*directory) != header->directory_checksum) return damaged;
  SymbolIndexView view;
  view.bytes_ = bytes;
  view.range_count_ = header->range_count;
  view.blob_count_ = header->blob_count;
  return view;
}

Range SymbolIndexView::range_at(uint64_t index) const {
  return *load<Range>(bytes_, sizeof(Header) + index * sizeof(Range));
}

Blob SymbolIndexView::blob_at(uint64_t index) const {
  return *load<Blob>(bytes_, sizeof(Header) + directory_size(range_count_, index));
}

std::optional<ByteView> SymbolIndexView::checked(uint64_t offset, uint64_t size,
                                                 uint64_t expected) const {
  const auto bytes = slice(bytes_, offset, size);
  return bytes && checksum(*bytes) == expected ? bytes : std::nullopt;
}

std::optional<Range> SymbolIndexView::find(uint64_t pc) const {
  uint64_t first = 0;
  uint64_t last = range_count_;
  while (first < last) {
    const uint64_t middle = first + (last - first) / 2;
    if (range_at(middle).low <= pc) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  if (first == 0) return std::nullopt;
  const Range range = range_at(first - 1);
  return pc < range.high ? std::optional(range) : std::nullopt;
}

std::optional<ByteView> SymbolIndexView::record(const Range& range) const {
  return checked(range.offset, range.size, range.checksum);
}

std::optional<std::pair<std::string_view, ByteView>> SymbolIndexView::blob_contents(
    const Blob& blob) const {
  const auto bytes = checked(blob.offset, blob.size, blob.checksum);
  const auto key_size = bytes ? load<uint32_t>(*bytes) : std::nullopt;
  const auto key = key_size ? slice(*bytes, 4, *key_size) : std::nullopt;
  if (!key) return std::nullopt;
  return std::pair(std::string_view(reinterpret_cast<const char*>(key->data()), key->size()),
                   bytes->subspan(4 + key->size()));
}

std::optional<ByteView> SymbolIndexView::blob(std::string_view key) const {
  const uint64_t hash = key_hash(key);
  for (uint64_t i = 0; i < blob_count_; ++i) {
    const Blob blob = blob_at(i);
    if (blob.key_hash != hash) continue;
    const auto contents = blob_contents(blob);
    if (contents && contents->first == key) return contents->second;
  }
  return std::nullopt;
}

std::vector<Range> SymbolIndexView::ranges() const {
  std::vector<Range> all;
  for (uint64_t i = 0; i < range_count_; ++i) all.push_back(range_at(i));
  return all;
}

std::vector<std::pair<std::string, ByteView>> SymbolIndexView::blobs() const {
  std::vector<std::pair<std::string, ByteView>> all;
  for (uint64_t i = 0; i < blob_count_; ++i) {
    if (auto contents = blob_contents(blob_at(i)))
      all.emplace_back(std::string(contents->first), contents->second);
  }
  return all;
}

namespace {

// Collects records and blobs, then lays them out behind their directory.
class IndexWriter {
 public:
  void add_record(ByteView bytes, const std::vector<std::pair<uint64_t, uint64_t>>& ranges,
                  uint64_t identity) {
    const uint64_t offset = contents_.size();
    append(bytes);
    for (const auto& [low, high] : ranges)
      add_range({low, high, offset, bytes.size(), checksum(bytes), identity});
  }
  // Old ranges of one record point at one offset: keep it one record.
  void add_old(const SymbolIndexView& old) {
    std::map<uint64_t, uint64_t> moved;
    for (const Range& range : old.ranges()) {
      const auto bytes = old.record(range);
      if (!bytes || range.low >= range.high || overlaps(range)) continue;
      auto [at, fresh] = moved.try_emplace(range.offset, contents_.size());
      if (fresh) append(*bytes);
      Range copy = range;
      copy.offset = at->second;
      add_range(copy);
    }
    for (const auto& [key, value] : old.blobs()) add_blob(key, value);
  }
  void add_blob(const std::string& key, ByteView value) {
    if (!keys_.emplace(key, true).second) return;
    const uint64_t offset = contents_.size();
    const auto size = static_cast<uint32_t>(key.size());
    append(raw(size, sizeof(size)));
    append({reinterpret_cast<const uint8_t*>(key.data()), key.size()});
    append(value);
    const ByteView stored = ByteView(contents_).subspan(offset);
    blobs_.push_back({key_hash(key), offset, stored.size(), checksum(stored)});
  }

  Bytes finish(const BuildId& build_id) {
    Header header;
    const ByteView id = build_id.bytes();
    header.build_id_size = static_cast<uint32_t>(id.size());
    std::copy(id.begin(), id.end(), header.build_id.begin());
    header.range_count = static_cast<uint32_t>(ranges_.size());
    header.blob_count = static_cast<uint32_t>(blobs_.size());
    const uint64_t base = sizeof(Header) + directory_size(ranges_.size(), blobs_.size());
    header.file_size = base + contents_.size();
    Bytes directory;
    for (auto& [low, range] : ranges_) {
      range.offset += base;
      const ByteView bytes = raw(range, sizeof(range));
      directory.insert(directory.end(), bytes.begin(), bytes.end());
    }
    for (auto& blob : blobs_) {
      blob.offset += base;
      const ByteView bytes = raw(blob, sizeof(blob));
      directory.insert(directory.end(), bytes.begin(), bytes.end());
    }
    header.directory_checksum = checksum(directory);
    header.header_checksum = header_checksum(header);
    const ByteView head = raw(header, sizeof(header));
    Bytes file(head.begin(), head.end());
    file.insert(file.end(), directory.begin(), directory.end());
    file.insert(file.end(), contents_.begin(), contents_.end());
    return file;
  }

 private:
  void append(ByteView bytes) { contents_.insert(contents_.end(), bytes.begin(), bytes.end()); }
  bool overlaps(const Range& range) const {
    auto next = ranges_.lower_bound(range.low);
    if (next != ranges_.end() && next->second.low < range.high) return true;
    return next != ranges_.begin() && std::prev(next)->second.high > range.low;
  }
  void add_range(const Range& range) {
    if (range.low < range.high && !overlaps(range)) ranges_.emplace(range.low, range);
  }

  Bytes contents_;
  std::map<uint64_t, Range> ranges_;  // not overlapping
  std::vector<Blob> blobs_;
  std::map<std::string, bool> keys_;
};

// An open directory, locked until the end of its life. The lock is advisory and vanishes with the
// process.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    locked_ = fd_.valid() && flock(fd_.get(), LOCK_EX) == 0;
  }
  bool locked() const { return locked_; }

 private:
  os::Fd fd_;
  bool locked_ = false;
};

// Not synced to disk: a file that a power cut tore fails its checksums and is made again.
Status replace_file(const std::string& path, ByteView contents) {
  const std::string temporary = path + "." + std::to_string(getpid());
  {
    INQ_TRY(const os::Fd fd, os::create_file(temporary, 0600));
    if (const Status written = os::write_all(fd.get(), contents); !written.ok()) {
      unlink(temporary.c_str());
      return written;
    }
  }
  if (rename(temporary.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  unlink(temporary.c_str());
  return Error::io("cannot replace " + path, error);
}

}  // namespace

Bytes merge_index(const BuildId& build_id, const SymbolIndexView* old,
                  const IndexAdditions& additions) {
  // What is certain goes first: of two answers for an address the first one stays.
  const auto fill = [&](const SymbolIndexView* kept) {
    IndexWriter writer;
    for (const bool certain : {true, false}) {
      for (const auto& record : additions.records) {
        if ((record.identity == 0) == certain)
          writer.add_record(record.bytes, record.ranges, record.identity);
      }
    }
    for (const auto& [key, value] : additions.blobs) writer.add_blob(key, value);
    if (kept != nullptr) writer.add_old(*kept);
    return writer.finish(build_id);
  };
  Bytes file = fill(old);
  if (file.size() > kMaxIndexFile && old != nullptr) file = fill(nullptr);
  return file;
}

std::string index_path(const std::string& cache_dir, const BuildId& build_id) {
  const std::string hex = build_id.hex();
  if (cache_dir.empty() || hex.size() < 4) return {};
  return cache_dir + "/" + hex.substr(0, 2) + "/" + hex.substr(2) + ".idx";
}

SymbolIndex::SymbolIndex(const std::string& cache_dir, const BuildId& build_id)
    : path_(index_path(cache_dir, build_id)), build_id_(build_id) {
  if (path_.empty()) return;
  auto file = os::MappedFile::open(path_);
  if (!file.ok() || file->size() > kMaxIndexFile) return;
  auto view = SymbolIndexView::parse(file->bytes(), build_id_);
  if (!view.ok()) return;
  file_ = std::move(*file);
  view_ = *view;
  mark_used(path_);
}

Status SymbolIndex::add(const IndexAdditions& additions) {
  if (path_.empty()) return Error(ErrorCode::kInvalidArgument, "no place for a symbol index");
  const std::string directory = path_.substr(0, path_.rfind('/'));
  INQ_TRY_STATUS(os::make_directories(directory));
  const DirectoryLock lock(directory);
  if (!lock.locked()) return Error(ErrorCode::kUnavailable, "cannot lock " + directory);
  // Another process may have added to it since it was opened here.
  Bytes merged;
  {
    auto file = os::MappedFile::open(path_);
    std::optional<SymbolIndexView> old;
    if (file.ok() && file->size() <= kMaxIndexFile) {
      auto view = SymbolIndexView::parse(file->bytes(), build_id_);
      if (view.ok()) old = *view;
    }
    merged = merge_index(build_id_, old ? &*old : nullptr, additions);
  }
  if (merged.size() > kMaxIndexFile)
    return Error(ErrorCode::kTooLarge, "symbol index over its limit");
  return replace_file(path_, merged);
}

}  // namespace inquest::process
