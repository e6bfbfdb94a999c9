#include "platform/codec/decoder.h"

#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
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

class GzipDecoder final : public Decoder {
 public:
  ~GzipDecoder() override { inflateEnd(&stream_); }

  bool init() {
    constexpr int kWindowBits = 15;
    constexpr int kGzipFormat = 16;
    return inflateInit2(&stream_, kWindowBits + kGzipFormat) == Z_OK;
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

// ISA-L inflates in under half of zlib's time, which is what debug sections cost. It reads up to a
// word ahead: what it read behind the end of a frame is given back, or kept for the next frame when
// it came with an earlier step.
class ZlibDecoder final : public Decoder {
 public:
  bool init() {
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_ZLIB;
    return true;
  }

  Step step(ByteView input, std::span<uint8_t> output) override {
    if (!kept_.empty()) {
      const Bytes kept = std::exchange(kept_, {});
      Step step = run(kept, output);
      kept_.insert(kept_.end(), kept.begin() + static_cast<ptrdiff_t>(step.consumed), kept.end());
      step.consumed = 0;
      if (step.state != State::kMore || step.produced != 0 || !kept_.empty()) return step;
    }
    return run(input, output);
  }

 private:
  Step run(ByteView input, std::span<uint8_t> output) {
    constexpr size_t kMaxStep = std::numeric_limits<uint32_t>::max();
    state_.next_in = const_cast<uint8_t*>(input.data());  // ISA-L does not write there
    state_.avail_in = static_cast<uint32_t>(std::min(input.size(), kMaxStep));
    state_.next_out = output.data();
    state_.avail_out = static_cast<uint32_t>(std::min(output.size(), kMaxStep));
    const int code = isal_inflate(&state_);
    Step step{.consumed = static_cast<size_t>(state_.next_in - input.data()),
              .produced = static_cast<size_t>(state_.next_out - output.data())};
    if (code != ISAL_DECOMP_OK && code != ISAL_END_INPUT && code != ISAL_OUT_OVERFLOW) {
      step.state = State::kCorrupt;
      step.problem = problem(code);
    } else if (state_.block_state == ISAL_BLOCK_FINISH) {
      step.state = State::kFrameEnd;
      give_back(step);
      init();
    }
    return step;
  }

  void give_back(Step& step) {
    const auto ahead = static_cast<size_t>(state_.read_in_length / 8);
    const size_t of_this_step = std::min(ahead, step.consumed);
    step.consumed -= of_this_step;
    for (size_t i = 0; i < ahead - of_this_step; ++i)
      kept_.push_back(static_cast<uint8_t>(state_.read_in >> 8 * i));
  }

  static std::string_view problem(int code) {
    switch (code) {
      case ISAL_NEED_DICT:
        return "it needs a preset dictionary";
      case ISAL_INCORRECT_CHECKSUM:
        return "incorrect data check";
      case ISAL_INVALID_WRAPPER:
      case ISAL_UNSUPPORTED_METHOD:
        return "incorrect header";
      default:
        return "invalid deflate data";
    }
  }

  inflate_state state_ = {};
  Bytes kept_;  // at most a word
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
      return make<GzipDecoder>();
    case Codec::kZlib:
      return make<ZlibDecoder>();
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
