// Evidence from an open file: what of it is data, and where its segments begin.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/cursor.h"
#include "platform/os/sparse.h"
#include "vault/ingest.h"

namespace inquest::vault {
namespace {

constexpr size_t kReadBytes = 1 << 20;
constexpr uint64_t kMaxSegments = 1 << 18;
constexpr uint32_t kLoad = 1;                 // PT_LOAD
constexpr uint64_t kProgramHeaderBytes = 56;  // Elf64_Phdr
constexpr uint16_t kCountElsewhere = 0xffff;  // PN_XNUM
constexpr uint64_t kSectionCountField = 44;   // sh_info of Elf64_Shdr

// Where the segments of an ELF core begin: the same memory of two cores then falls into the same
// pieces, wherever the files have it. Only a hint: for anything else there are none.
std::vector<uint64_t> segment_starts(int fd) {
  Bytes header(64);
  const auto got = os::pread_some(fd, header, 0);
  if (!got.ok() || *got != header.size()) return {};
  // 64-bit, little-endian.
  if (load<uint32_t>(header, 0) != 0x464c457fU || header[4] != 2 || header[5] != 1) return {};
  const uint64_t table = *load<uint64_t>(header, 32);
  uint64_t count = *load<uint16_t>(header, 56);
  if (*load<uint16_t>(header, 54) != kProgramHeaderBytes) return {};
  if (count == kCountElsewhere) {
    Bytes section(64);
    const auto read = os::pread_some(fd, section, *load<uint64_t>(header, 40));
    if (!read.ok() || *read != section.size()) return {};
    count = *load<uint32_t>(section, kSectionCountField);
  }
  if (count > kMaxSegments) return {};
  Bytes segments(count * kProgramHeaderBytes);
  const auto read = os::pread_some(fd, segments, table);
  if (!read.ok()) return {};
  Cursor cursor(ByteView(segments).first(*read));
  std::vector<uint64_t> starts;
  while (cursor.remaining() >= kProgramHeaderBytes) {
    const ByteView segment = cursor.bytes(kProgramHeaderBytes);
    if (*load<uint32_t>(segment, 0) == kLoad) starts.push_back(*load<uint64_t>(segment, 8));
  }
  std::sort(starts.begin(), starts.end());
  return starts;
}

// Reads [from, to) of the file into `ingest`. False: it ended, or could not be read, before `to`.
Result<bool> ingest_range(Ingest& ingest, int fd, uint64_t from, uint64_t to, Bytes& buffer) {
  while (from < to) {
    const size_t wanted = std::min<uint64_t>(buffer.size(), to - from);
    const auto got = os::pread_some(fd, std::span(buffer).first(wanted), from);
    const size_t size = got.ok() ? *got : 0;
    INQ_TRY_STATUS(ingest.append(ByteView(buffer).first(size)));
    if (size != wanted) return false;
    from += size;
  }
  return true;
}

Result<bool> ingest_regular(Ingest& ingest, int fd, uint64_t size) {
  INQ_TRY(const os::DataExtents extents, os::data_extents(fd));
  const std::vector<uint64_t> starts = segment_starts(fd);
  auto next = starts.begin();
  Bytes buffer(kReadBytes);
  uint64_t at = 0;
  for (const os::Extent& extent : extents.extents) {
    const uint64_t end = extent.offset + extent.size;
    while (at < end) {
      while (next != starts.end() && *next < at) ++next;
      const uint64_t stop = next == starts.end() ? end : std::min(end, *next);
      if (next != starts.end() && *next == at) {
        INQ_TRY_STATUS(ingest.begin_segment());
        ++next;
        continue;
      }
      if (at < extent.offset) {
        const uint64_t hole = std::min(extent.offset, stop) - at;
        INQ_TRY_STATUS(ingest.skip(hole));
        at += hole;
        continue;
      }
      INQ_TRY(const bool whole, ingest_range(ingest, fd, at, stop, buffer));
      if (!whole) return true;
      at = stop;
    }
  }
  if (at < size) INQ_TRY_STATUS(ingest.skip(size - at));
  return false;
}

}  // namespace

Result<bool> ingest_file(Ingest& ingest, int fd) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return Error::io("cannot examine the evidence", errno);
  if (S_ISREG(info.st_mode)) {
    return ingest_regular(ingest, fd, static_cast<uint64_t>(info.st_size));
  }
  Bytes buffer(kReadBytes);
  while (true) {
    const auto got = os::read_some(fd, buffer);
    if (!got.ok()) return true;
    INQ_TRY_STATUS(ingest.append(ByteView(buffer).first(*got)));
    if (*got < buffer.size()) return false;
  }
}

}  // namespace inquest::vault
