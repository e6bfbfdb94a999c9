// Compressing: zstd frames, one a call. Several in a row are one valid zstd stream.
#pragma once

#include <memory>

#include "base/bytes.h"

namespace inquest::codec {

// Not to be used from two threads at once.
class ZstdCompressor {
 public:
  explicit ZstdCompressor(int level = 1);
  ZstdCompressor(ZstdCompressor&&) noexcept;
  ZstdCompressor& operator=(ZstdCompressor&&) noexcept;
  ~ZstdCompressor();

  // Appends one frame that holds `bytes` and its size to `output`; answers the size of the frame.
  size_t compress(ByteView bytes, Bytes& output);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  int level_;
};

}  // namespace inquest::codec
