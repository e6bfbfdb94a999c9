#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "platform/codec/codec.h"
#include "platform/codec/source.h"

namespace inquest::codec {

namespace {

constexpr size_t kPage = 4096;

bool all_zero(ByteView bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// Writes pieces one after another, leaving out pages that are all zero.
class SparseWriter {
 public:
  SparseWriter(int fd, uint64_t max_stored) : fd_(fd), max_stored_(max_stored) {}

  Status write(ByteView piece) {
    while (!piece.empty()) {
      // A run: as many pages as are all zero, or as many as are not.
      const bool zero = all_zero(first_page(piece));
      size_t run = 0;
      while (run < piece.size() && all_zero(first_page(piece.subspan(run))) == zero) {
        run += first_page(piece.subspan(run)).size();
      }
      if (!zero) INQ_TRY_STATUS(store(piece.first(run)));
      offset_ += run;
      piece = piece.subspan(run);
    }
    return {};
  }

  // A hole at the end exists only when the length says so.
  Status finish() {
    if (::ftruncate(fd_, static_cast<off_t>(offset_)) != 0) {
      return Error::io("cannot set the size of the decompressed file", errno);
    }
    return {};
  }

  bool stopped() const { return stopped_; }

 private:
  static ByteView first_page(ByteView bytes) { return bytes.first(std::min(bytes.size(), kPage)); }

  Status store(ByteView bytes) {
    if (bytes.size() > max_stored_ - stored_) {
      stopped_ = true;
      return Error(ErrorCode::kTooLarge,
                   fmt::format("it holds more than {} bytes of data", max_stored_));
    }
    stored_ += bytes.size();
    uint64_t at = offset_;
    while (!bytes.empty()) {
      const ssize_t put = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return Error::io("cannot write the decompressed file", errno);
      at += static_cast<uint64_t>(put);
      bytes = bytes.subspan(static_cast<size_t>(put));
    }
    return {};
  }

  int fd_;
  uint64_t max_stored_;
  uint64_t offset_ = 0;
  uint64_t stored_ = 0;
  bool stopped_ = false;
};

Result<StreamResult> stream_to_file(Codec codec, const Source& source, int output_fd,
                                    const FileLimits& limits) {
  SparseWriter writer(output_fd, limits.max_stored);
  uint64_t size = 0;
  const Sink sink = [&](ByteView piece) -> Status {
    INQ_TRY_STATUS(writer.write(piece));
    size += piece.size();
    return {};
  };
  auto result = decompress_stream(codec, source, sink, limits.max_size);
  if (!result && !writer.stopped()) return std::move(result).error();
  INQ_TRY_STATUS(writer.finish());
  if (!result) return StreamResult{size, Ending::kLimit, result.error().message()};
  return result;
}

}  // namespace

Result<StreamResult> decompress_to_file(Codec codec, ByteView compressed, int output_fd,
                                        const FileLimits& limits) {
  return stream_to_file(codec, source_of(compressed), output_fd, limits);
}

Result<StreamResult> decompress_to_file(Codec codec, int input_fd, ByteView head, int output_fd,
                                        const FileLimits& limits) {
  const Source source = [&](std::span<uint8_t> buffer) -> Result<size_t> {
    size_t done = std::min(head.size(), buffer.size());
    std::copy_n(head.begin(), done, buffer.begin());
    head = head.subspan(done);
    while (done < buffer.size()) {
      const ssize_t got = ::read(input_fd, buffer.data() + done, buffer.size() - done);
      if (got == 0) break;
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Error::io("cannot read the compressed file", errno);
      done += static_cast<size_t>(got);
    }
    return done;
  };
  return stream_to_file(codec, source, output_fd, limits);
}

}  // namespace inquest::codec
