#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>

#include "platform/os/fd.h"
#include "vault/tar.h"

namespace inquest::vault {
namespace {

constexpr size_t kCopyBytes = 1 << 20;
constexpr uint64_t kLargestOctal = (uint64_t{1} << 33) - 1;  // of 11 digits
constexpr size_t kNameField = 100;

ByteView view(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// "LENGTH KEY=VALUE\n", where the length counts its own digits.
std::string pax_record(std::string_view key, std::string_view value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t length = rest + 1;
  while (length != rest + std::to_string(length).size()) ++length;
  return fmt::format("{} {}={}\n", length, key, value);
}

void put(Bytes& block, size_t at, std::string_view text, size_t size) {
  std::copy_n(text.begin(), std::min(text.size(), size),
              block.begin() + static_cast<std::ptrdiff_t>(at));
}

Bytes header_block(std::string_view name, uint64_t size, int64_t time, char type) {
  Bytes block(kTarBlock);
  put(block, 0, name, kNameField);
  put(block, 100, "0000600", 8);
  put(block, 108, "0000000", 8);
  put(block, 116, "0000000", 8);
  put(block, 124, fmt::format("{:011o}", size), 12);
  put(block, 136, fmt::format("{:011o}", std::max<int64_t>(time, 0)), 12);
  put(block, 148, "        ", 8);
  block[156] = static_cast<uint8_t>(type);
  put(block, 257, std::string_view("ustar\00000", 8), 8);
  const auto sum = std::accumulate(block.begin(), block.end(), uint64_t{0});
  put(block, 148, fmt::format("{:06o}", sum), 6);
  block[154] = 0;
  return block;
}

// The data of a file as GNU tar's sparse format 1.0 has its map.
std::string sparse_map(const std::vector<os::Extent>& parts) {
  std::string map = fmt::format("{}\n", parts.size());
  for (const os::Extent& part : parts) map += fmt::format("{}\n{}\n", part.offset, part.size);
  map.resize((map.size() + kTarBlock - 1) / kTarBlock * kTarBlock);
  return map;
}

}  // namespace

Status TarWriter::pad(uint64_t size) {
  const Bytes zeros((kTarBlock - size % kTarBlock) % kTarBlock);
  return zeros.empty() ? Status() : sink_(zeros);
}

Status TarWriter::header(const std::string& name, uint64_t size, int64_t time, char type) {
  std::string pax;
  if (name.size() > kNameField) pax += pax_record("path", name);
  if (size > kLargestOctal) pax += pax_record("size", std::to_string(size));
  if (!pax.empty()) {
    INQ_TRY_STATUS(sink_(header_block("pax", pax.size(), time, 'x')));
    INQ_TRY_STATUS(sink_(view(pax)));
    INQ_TRY_STATUS(pad(pax.size()));
  }
  return sink_(header_block(name, size > kLargestOctal ? 0 : size, time, type));
}

Status TarWriter::add(const std::string& name, ByteView content, int64_t time) {
  INQ_TRY_STATUS(header(name, content.size(), time, '0'));
  if (!content.empty()) INQ_TRY_STATUS(sink_(content));
  return pad(content.size());
}

Status TarWriter::add_file(const std::string& name, int fd, int64_t time) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return Error::io("cannot examine " + name, errno);
  const auto size = static_cast<uint64_t>(info.st_size);
  INQ_TRY(const os::DataExtents data, os::data_extents(fd));
  uint64_t stored = 0;
  for (const os::Extent& extent : data.extents) stored += extent.size;
  const bool is_sparse = stored < size;
  std::vector<os::Extent> parts = data.extents;
  if (!is_sparse) {
    INQ_TRY_STATUS(header(name, size, time, '0'));
  } else {
    // A last part of no bytes says where the file ends, for readers that ignore its real size.
    if (parts.empty() || parts.back().offset + parts.back().size < size) parts.push_back({size, 0});
    const std::string map = sparse_map(parts);
    std::string pax = pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") +
                      pax_record("GNU.sparse.name", name) +
                      pax_record("GNU.sparse.realsize", std::to_string(size));
    stored += map.size();
    if (stored > kLargestOctal) pax += pax_record("size", std::to_string(stored));
    INQ_TRY_STATUS(sink_(header_block("pax", pax.size(), time, 'x')));
    INQ_TRY_STATUS(sink_(view(pax)));
    INQ_TRY_STATUS(pad(pax.size()));
    INQ_TRY_STATUS(sink_(
        header_block("GNUSparseFile.0/file", stored > kLargestOctal ? 0 : stored, time, '0')));
    INQ_TRY_STATUS(sink_(view(map)));
  }
  Bytes buffer(kCopyBytes);
  for (const os::Extent& part : parts) {
    for (uint64_t at = part.offset; at < part.offset + part.size;) {
      const size_t wanted = std::min<uint64_t>(buffer.size(), part.offset + part.size - at);
      INQ_TRY(const size_t got, os::pread_some(fd, std::span(buffer).first(wanted), at));
      if (got != wanted) return Error(ErrorCode::kTruncated, name + " became shorter");
      INQ_TRY_STATUS(sink_(ByteView(buffer).first(got)));
      at += got;
    }
  }
  return pad(stored);
}

Status TarWriter::finish() { return sink_(Bytes(2 * kTarBlock)); }

}  // namespace inquest::vault
