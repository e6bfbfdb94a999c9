#include "platform/codec/compress.h"

#include <zstd.h>

#include "base/check.h"

namespace inquest::codec {

struct ZstdCompressor::Context {
  Context() : zstd(ZSTD_createCCtx()) { INQ_CHECK(zstd != nullptr); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { ZSTD_freeCCtx(zstd); }

  ZSTD_CCtx* zstd;
};

ZstdCompressor::ZstdCompressor(int level) : context_(std::make_unique<Context>()), level_(level) {}
ZstdCompressor::ZstdCompressor(ZstdCompressor&&) noexcept = default;
ZstdCompressor& ZstdCompressor::operator=(ZstdCompressor&&) noexcept = default;
ZstdCompressor::~ZstdCompressor() = default;

size_t ZstdCompressor::compress(ByteView bytes, Bytes& output) {
  const size_t start = output.size();
  output.resize(start + ZSTD_compressBound(bytes.size()));
  // It can fail only for lack of room or memory: there is room, and std::bad_alloc is our way to
  // say the other.
  const size_t size = ZSTD_compressCCtx(context_->zstd, output.data() + start,
                                        output.size() - start, bytes.data(), bytes.size(), level_);
  INQ_CHECK(ZSTD_isError(size) == 0);
  output.resize(start + size);
  return size;
}

}  // namespace inquest::codec
