#include "vault/pack.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "platform/codec/codec.h"
#include "vault/case.h"

namespace inquest::vault {
namespace {

constexpr std::string_view kMagic = "INQPACK1";
constexpr std::string_view kEndMagic = "INQPEND1";
constexpr uint64_t kHeaderBytes = 16;
constexpr uint64_t kEntryBytes = 48;
constexpr uint64_t kFooterBytes = 32;
constexpr size_t kWriteBytes = 1 << 20;

template <typename T>
void put(Bytes& to, const T& value) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  to.insert(to.end(), bytes, bytes + sizeof(T));
}

void put(Bytes& to, std::string_view text) { to.insert(to.end(), text.begin(), text.end()); }

Error corrupt(std::string_view what) { return {ErrorCode::kCorrupt, std::string(what)}; }

struct Footer {
  uint64_t table = 0, count = 0, checksum = 0;
};

// `size`: of the whole pack.
Result<Footer> parse_footer(ByteView bytes, uint64_t size) {
  if (size < kHeaderBytes + kFooterBytes || bytes.size() != kFooterBytes) {
    return corrupt("a pack is cut short");
  }
  if (std::memcmp(bytes.data() + 24, kEndMagic.data(), kEndMagic.size()) != 0) {
    return corrupt("a pack has no proper end");
  }
  Footer footer{*load<uint64_t>(bytes, 0), *load<uint64_t>(bytes, 8), *load<uint64_t>(bytes, 16)};
  if (footer.count > kMaxPackObjects || footer.table < kHeaderBytes || footer.table > size ||
      size - footer.table != footer.count * kEntryBytes + kFooterBytes) {
    return corrupt("the table of a pack is not where its end says");
  }
  return footer;
}

Result<std::vector<PackEntry>> parse_entries(ByteView table, const Footer& footer) {
  if (codec::xxhash64(table) != footer.checksum) return corrupt("the table of a pack is damaged");
  std::vector<PackEntry> entries(footer.count);
  for (size_t i = 0; i < entries.size(); ++i) {
    PackEntry& entry = entries[i];
    const ByteView at = table.subspan(i * kEntryBytes, kEntryBytes);
    std::copy_n(at.begin(), entry.id.size(), entry.id.begin());
    entry.offset = *load<uint64_t>(at, 32);
    entry.stored = *load<uint32_t>(at, 40);
    entry.size = *load<uint32_t>(at, 44);
    const bool inside = entry.offset >= kHeaderBytes && entry.offset <= footer.table &&
                        footer.table - entry.offset >= entry.stored;
    if (!inside || entry.size > kMaxObjectBytes || entry.stored > entry.size) {
      return corrupt("an object of a pack lies outside it");
    }
  }
  return entries;
}

}  // namespace

Result<std::vector<PackEntry>> parse_pack_table(ByteView pack) {
  const uint64_t tail = std::min<uint64_t>(pack.size(), kFooterBytes);
  INQ_TRY(const Footer footer, parse_footer(pack.last(tail), pack.size()));
  return parse_entries(pack.subspan(footer.table, footer.count * kEntryBytes), footer);
}

Result<std::vector<PackEntry>> read_pack_table(int fd) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return Error::io("cannot examine a pack", errno);
  if (!S_ISREG(info.st_mode)) return corrupt("a pack is no regular file");
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size < kHeaderBytes + kFooterBytes) return corrupt("a pack is cut short");
  Bytes bytes(kFooterBytes);
  INQ_TRY(size_t got, os::pread_some(fd, bytes, size - kFooterBytes));
  INQ_TRY(const Footer footer, parse_footer(ByteView(bytes).first(got), size));
  bytes.resize(footer.count * kEntryBytes);
  INQ_TRY(got, os::pread_some(fd, bytes, footer.table));
  if (got != bytes.size()) return corrupt("a pack is cut short");
  return parse_entries(bytes, footer);
}

Status read_object(int fd, const PackEntry& entry, std::span<uint8_t> output) {
  if (output.size() != entry.size) return corrupt("an object has another size");
  if (entry.stored == entry.size) {
    INQ_TRY(const size_t got, os::pread_some(fd, output, entry.offset));
    if (got != output.size()) return corrupt("a pack is cut short");
  } else {
    Bytes packed(entry.stored);
    INQ_TRY(const size_t got, os::pread_some(fd, packed, entry.offset));
    INQ_TRY_STATUS(
        codec::decompress_exact(codec::Codec::kZstd, ByteView(packed).first(got), output));
  }
  if (codec::sha256(output) != entry.id) return corrupt("an object of a pack is damaged");
  return {};
}

Result<std::string> new_pack_name() {
  INQ_TRY(const std::string random, new_case_id());
  return random.substr(0, 16) + std::string(kPackSuffix);
}

Result<PackWriter> PackWriter::create(os::Fs& fs, int directory) {
  PackWriter writer(fs, directory);
  auto fd = fs.create_unnamed(directory);
  if (!fd.ok() && fd.error().code() == ErrorCode::kUnsupported) {
    INQ_TRY(const std::string random, new_case_id());
    writer.temporary_ = std::string(kTemporaryPrefix) + random;
    fd = fs.open_at(directory, writer.temporary_, O_RDWR | O_CREAT | O_EXCL);
  }
  if (!fd.ok()) return std::move(fd).error();
  writer.fd_ = std::move(*fd);
  // Held as PackHolds does, from before it has a name: until something refers to it, only this
  // keeps it from being taken for garbage.
  ::flock(writer.fd_.get(), LOCK_SH);
  put(writer.buffer_, kMagic);
  put(writer.buffer_, uint64_t{0});
  writer.end_ = kHeaderBytes;
  return writer;
}

PackWriter::~PackWriter() {
  // When this fails, the name that is left behind is removed by the next collection of garbage.
  if (fd_.valid() && !temporary_.empty()) (void)fs_->unlink_at(directory_, temporary_).ok();
}

Status PackWriter::add(const codec::Sha256Digest& id, ByteView bytes, uint32_t size) {
  if (entries_.size() >= kMaxPackObjects) {
    return Error(ErrorCode::kTooLarge, "too many pieces for one pack");
  }
  entries_.push_back({id, end_, static_cast<uint32_t>(bytes.size()), size});
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  end_ += bytes.size();
  return buffer_.size() >= kWriteBytes ? flush() : Status();
}

Status PackWriter::flush() {
  INQ_TRY_STATUS(fs_->write_at(fd_.get(), buffer_, end_ - buffer_.size()));
  buffer_.clear();
  return {};
}

Status PackWriter::roll_back(size_t entries) {
  if (entries >= entries_.size()) return {};
  const uint64_t end = entries_[entries].offset;
  const uint64_t flushed = end_ - buffer_.size();
  if (end >= flushed) {
    buffer_.resize(end - flushed);
  } else {
    buffer_.clear();
    INQ_TRY_STATUS(fs_->truncate(fd_.get(), end));
  }
  end_ = end;
  entries_.resize(entries);
  return {};
}

Status PackWriter::commit(const std::string& name) {
  const uint64_t table = end_;
  Bytes bytes;
  for (const PackEntry& entry : entries_) {
    bytes.insert(bytes.end(), entry.id.begin(), entry.id.end());
    put(bytes, entry.offset);
    put(bytes, entry.stored);
    put(bytes, entry.size);
  }
  const uint64_t checksum = codec::xxhash64(bytes);
  put(bytes, table);
  put(bytes, uint64_t{entries_.size()});
  put(bytes, checksum);
  put(bytes, kEndMagic);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  end_ += bytes.size();
  INQ_TRY_STATUS(flush());
  INQ_TRY_STATUS(fs_->sync(fd_.get()));
  if (temporary_.empty()) {
    INQ_TRY_STATUS(fs_->link_unnamed(fd_.get(), directory_, name));
  } else {
    INQ_TRY_STATUS(fs_->rename_at(directory_, temporary_, name));
    temporary_.clear();
  }
  return fs_->sync(directory_);
}

}  // namespace inquest::vault
