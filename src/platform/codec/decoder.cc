#include "platform/codec/decoder.h"

#include <fmt/format.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace inquest::codec {

namespace {

// What a frame may ask of our memory. `zstd --long=31` and xz with a dictionary of a gigabyte are
// refused.
constexpr int kMaxZstdWindowLog = 28;
constexpr uint64_t kMaxXzMemory = 300 * 1024 * 1024;

Error out_of_memory() { return {ErrorCode::kUnavailable, "no memory for a decompressor"}; }

class ZlibDecoder final : public Decoder {
 public:
  ~ZlibDecoder() override { inflateEnd(&stream_); }

  bool init(Codec codec) {
    constexpr int kWindowBits = 15;
    constexpr int kGzipFormat = 16;
    return inflateInit2(&stream_, kWindowBits + (codec == Codec::kGzip ? kGzipFormat : 0)) == Z_OK;
  }

  Step step(ByteView input, std::span<uint8_t> output) override {
    constexpr size_t kMaxStep = std::numeric_limits<uInt>::max();
    stream_.next_in = const_cast<uint8_t*>(input.data());  // zlib does not write there
    stream_.avail_in = static_cast<uInt>(std::min(input.size(), kMaxStep));
    stream_.next_out = output.data();
    stream_.avail_out = static_cast<uInt>(std::min(output.size(), kMaxStep));
    const int code = inflate(&stream_, Z_NO_FLUSH);
    Step step{.consumed = static_cast<size_t>(stream_.next_in - input.data()),
              .produced = static_cast<size_t>(stream_.next_out - output.data())};
    if (code == Z_STREAM_END) {
      step.state = State::kFrameEnd;
      inflateReset(&stream_);
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      step.state = State::kCorrupt;
      step.problem = code == Z_NEED_DICT      ? "it needs a preset dictionary"
                     : stream_.msg != nullptr ? stream_.msg
                                              : "invalid deflate data";
    }
    return step;
  }

 private:
  z_stream stream_ = {};
};

class XzDecoder final : public Decoder {
 public:
  ~XzDecoder() override { lzma_end(&stream_); }

  bool init() { return lzma_stream_decoder(&stream_, kMaxXzMemory, 0) == LZMA_OK; }

  Step step(ByteView input, std::span<uint8_t> output) override {
    if (ended_ && !init()) return {.state = State::kCorrupt, .problem = "no memory"};
    ended_ = false;
    stream_.next_in = input.data();
    stream_.avail_in = input.size();
    stream_.next_out = output.data();
    stream_.avail_out = output.size();
    const lzma_ret code = lzma_code(&stream_, LZMA_RUN);
    Step step{.consumed = input.size() - stream_.avail_in,
              .produced = output.size() - stream_.avail_out};
    if (code == LZMA_STREAM_END) {
      step.state = State::kFrameEnd;
      ended_ = true;
    } else if (code != LZMA_OK && code != LZMA_BUF_ERROR) {
      step.state = State::kCorrupt;
      step.problem = code == LZMA_MEMLIMIT_ERROR
                         ? fmt::format("its dictionary needs more than {} MiB", kMaxXzMemory >> 20)
                     : code == LZMA_MEM_ERROR     ? "no memory for its dictionary"
                     : code == LZMA_OPTIONS_ERROR ? "it uses an unknown filter"
                                                  : "invalid xz data";
    }
    return step;
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false;
};

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : context_(ZSTD_createDCtx()) {}
  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }

  bool init() {
    return context_ != nullptr && ZSTD_isError(ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax,
                                                                      kMaxZstdWindowLog)) == 0;
  }

  Step step(ByteView input, std::span<uint8_t> output) override {
    ZSTD_inBuffer in = {input.data(), input.size(), 0};
    ZSTD_outBuffer out = {output.data(), output.size(), 0};
    const size_t code = ZSTD_decompressStream(context_, &out, &in);
    Step step{.consumed = in.pos, .produced = out.pos};
    if (ZSTD_isError(code) != 0) {
      step.state = State::kCorrupt;
      step.problem = ZSTD_getErrorName(code);
    } else if (code == 0) {
      step.state = State::kFrameEnd;
    }
    return step;
  }

 private:
  ZSTD_DCtx* context_;
};

class Lz4Decoder final : public Decoder {
 public:
  ~Lz4Decoder() override { LZ4F_freeDecompressionContext(context_); }

  bool init() {
    return LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)) == 0;
  }

  Step step(ByteView input, std::span<uint8_t> output) override {
    size_t consumed = input.size();
    size_t produced = output.size();
    const size_t code =
        LZ4F_decompress(context_, output.data(), &produced, input.data(), &consumed, nullptr);
    Step step;
    if (LZ4F_isError(code) != 0) {
      // The counters are not set on failure; nothing of this step can be trusted.
      step.state = State::kCorrupt;
      step.problem = LZ4F_getErrorName(code);
      LZ4F_resetDecompressionContext(context_);
      return step;
    }
    step.consumed = consumed;
    step.produced = produced;
    if (code == 0) step.state = State::kFrameEnd;
    return step;
  }

 private:
  LZ4F_dctx* context_ = nullptr;
};

template <typename Implementation, typename... Arguments>
Result<std::unique_ptr<Decoder>> make(Arguments... arguments) {
  auto decoder = std::make_unique<Implementation>();
  if (!decoder->init(arguments...)) return out_of_memory();
  return std::unique_ptr<Decoder>(std::move(decoder));
}

}  // namespace

Result<std::unique_ptr<Decoder>> Decoder::create(Codec codec) {
  switch (codec) {
    case Codec::kGzip:
    case Codec::kZlib:
      return make<ZlibDecoder>(codec);
    case Codec::kXz:
      return make<XzDecoder>();
    case Codec::kZstd:
      return make<ZstdDecoder>();
    case Codec::kLz4:
      return make<Lz4Decoder>();
  }
  return Error(ErrorCode::kInvalidArgument, "no such codec");
}

}  // namespace inquest::codec
