// The first byte picks the door: partial, exact, or whatever sniff says.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "platform/codec/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest;
  constexpr uint64_t kMaxOutput = 1 << 20;
  if (size == 0) return 0;
  const ByteView compressed(data + 1, size - 1);
  const auto codec = codec::sniff(compressed).value_or(static_cast<codec::Codec>(data[0] % 5));
  const auto decoded = codec::decompress_partial(codec, compressed, kMaxOutput);
  if (!decoded.ok()) return 0;
  INQ_CHECK(decoded->bytes.size() <= kMaxOutput);
  Bytes output(decoded->bytes.size());
  if (codec::decompress_exact(codec, compressed, output).ok()) INQ_CHECK(output == decoded->bytes);
  return 0;
}
