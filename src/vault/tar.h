// Tar: the little of it that exported cases are made of. Written: ustar with pax headers (POSIX
// 1003.1-2001), files with holes as GNU tar's sparse format 1.0, which GNU tar and bsdtar unpack
// with their holes. Read: regular files of both kinds, and GNU tar's
// long names; directories are passed over, everything else
// (links, devices) is refused, and so is a name that could lead out of where it is unpacked.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "platform/os/sparse.h"

namespace inquest::vault {

inline constexpr size_t kTarBlock = 512;

struct TarLimits {
  uint64_t max_entries = 20'000;
  uint64_t max_size = uint64_t{1} << 46;  // of one file, holes included
  uint64_t max_name = 4096;
  uint64_t max_pax = 64 * 1024;    // bytes of one pax header
  uint64_t max_parts = 2'000'000;  // of one file with holes
};

// What a TarReader finds. An error ends the reading.
class TarVisitor {
 public:
  virtual ~TarVisitor() = default;
  // `name`: parts between slashes, none empty, "." or ".."; `size`: holes included.
  virtual Status begin(const std::string& name, uint64_t size) = 0;
  virtual Status data(ByteView bytes) = 0;
  virtual Status hole(uint64_t size) = 0;
  virtual Status end() = 0;
};

class TarReader {
 public:
  // `visitor` must outlive it.
  explicit TarReader(TarVisitor& visitor, const TarLimits& limits = {})
      : visitor_(visitor), limits_(limits) {}

  // The next bytes of the archive.
  Status feed(ByteView bytes);
  // kTruncated when it ended too early.
  Status finish();

 private:
  enum class State : uint8_t { kHeader, kPax, kMap, kData, kSkip, kDone };
  struct Pax {
    std::string name;
    std::optional<uint64_t> size, real_size;
    bool is_sparse = false;
  };

  Status header(ByteView block);
  Status start_file(const std::string& name, uint64_t stored);
  Status pax(ByteView body);
  Status pax_record(std::string_view key, std::string_view value);
  Status map_block(ByteView block);
  Status map_number(uint64_t number);
  Status data(ByteView bytes);
  Status start_data();
  Status end_file();
  Status pass_holes();

  TarVisitor& visitor_;
  TarLimits limits_;
  State state_ = State::kHeader;
  Bytes block_;  // collected of a header or a block of the map
  Bytes pax_body_;
  Pax pax_;                    // for the next file
  bool is_long_name_ = false;  // pax_body_ is only its name
  uint64_t entries_ = 0;
  uint64_t stored_left_ = 0;  // bytes of the file's body in the archive
  uint64_t padding_ = 0;      // behind them
  uint64_t real_size_ = 0, position_ = 0;
  // The parts of a file with holes.
  std::vector<os::Extent> parts_;
  size_t part_ = 0;
  uint64_t map_wanted_ = 0;  // numbers still to come, once the count is known
  std::optional<uint64_t> map_count_, map_offset_;
  std::string map_digits_;
};

class TarWriter {
 public:
  using Sink = std::function<Status(ByteView)>;
  explicit TarWriter(Sink sink) : sink_(std::move(sink)) {}

  // `time`: seconds since the epoch, of every file.
  Status add(const std::string& name, ByteView content, int64_t time);
  // A regular file, with its holes.
  Status add_file(const std::string& name, int fd, int64_t time);
  Status finish();

 private:
  Status header(const std::string& name, uint64_t size, int64_t time, char type);
  Status pad(uint64_t size);

  Sink sink_;
};

}  // namespace inquest::vault
