#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "platform/codec/codec.h"
#include "platform/codec/decoder.h"
#include "platform/codec/source.h"

namespace inquest::codec {

namespace {

Error damaged(Codec codec, std::string_view problem) {
  return {ErrorCode::kCorrupt, fmt::format("invalid {} data: {}", to_string(codec), problem)};
}

Error wrong_size(Codec codec, size_t expected) {
  return {ErrorCode::kCorrupt,
          fmt::format("the {} data does not decode to the {} bytes it promised", to_string(codec),
                      expected)};
}

ErrorCode code_of(Ending ending) {
  switch (ending) {
    case Ending::kTruncated:
      return ErrorCode::kTruncated;
    case Ending::kLimit:
      return ErrorCode::kTooLarge;
    case Ending::kComplete:
    case Ending::kCorrupt:
      break;
  }
  return ErrorCode::kCorrupt;
}

Status inflate_exact(ByteView compressed, std::span<uint8_t> output) {
  uint8_t nothing = 0;  // zlib wants a place even for no bytes
  uLongf produced = output.size();
  uLong consumed = compressed.size();
  const int code = uncompress2(output.empty() ? &nothing : output.data(), &produced,
                               compressed.data(), &consumed);
  if (code == Z_BUF_ERROR) return wrong_size(Codec::kZlib, output.size());
  if (code != Z_OK) return damaged(Codec::kZlib, zError(code));
  if (produced != output.size()) return wrong_size(Codec::kZlib, output.size());
  return {};
}

Status zstd_exact(ByteView compressed, std::span<uint8_t> output) {
  const size_t produced =
      ZSTD_decompress(output.data(), output.size(), compressed.data(), compressed.size());
  if (ZSTD_isError(produced) != 0) return damaged(Codec::kZstd, ZSTD_getErrorName(produced));
  if (produced != output.size()) return wrong_size(Codec::kZstd, output.size());
  return {};
}

}  // namespace

Source source_of(ByteView bytes) {
  return [bytes](std::span<uint8_t> buffer) mutable -> Result<size_t> {
    const size_t size = std::min(bytes.size(), buffer.size());
    std::copy_n(bytes.begin(), size, buffer.begin());
    bytes = bytes.subspan(size);
    return size;
  };
}

Result<Decoded> decompress_partial(Codec codec, ByteView compressed, uint64_t max_size) {
  Decoded decoded;
  const Sink sink = [&](ByteView piece) -> Status {
    decoded.bytes.insert(decoded.bytes.end(), piece.begin(), piece.end());
    return {};
  };
  INQ_TRY(StreamResult result, decompress_stream(codec, source_of(compressed), sink, max_size));
  decoded.ending = result.ending;
  decoded.note = std::move(result.note);
  if (decoded.bytes.empty() && decoded.ending != Ending::kComplete) {
    return Error(code_of(decoded.ending), decoded.note);
  }
  return decoded;
}

Result<Bytes> decompress(Codec codec, ByteView compressed, uint64_t max_size) {
  INQ_TRY(Decoded decoded, decompress_partial(codec, compressed, max_size));
  if (decoded.ending != Ending::kComplete) return Error(code_of(decoded.ending), decoded.note);
  return std::move(decoded.bytes);
}

Status decompress_exact(Codec codec, ByteView compressed, std::span<uint8_t> output) {
  if (codec == Codec::kZlib) return inflate_exact(compressed, output);
  if (codec == Codec::kZstd) return zstd_exact(compressed, output);
  INQ_TRY(const Bytes bytes, decompress(codec, compressed, output.size()));
  if (bytes.size() != output.size()) return wrong_size(codec, output.size());
  std::copy(bytes.begin(), bytes.end(), output.begin());
  return {};
}

}  // namespace inquest::codec
