// Codec: telling compressed data from plain, and undoing the compression of hostile, cut and sparse
// files.
//
// Evidence is often cut: a compressed core that ends early still holds threads and stacks. So the
// functions with a `Decoded` or `StreamResult` answer what could be decoded and say how it ended,
// while the strict ones are for data that must be whole. All of them know gzip, zlib, xz, zstd and
// lz4 frames, one or many in a row.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace inquest::codec {

enum class Codec { kGzip, kZlib, kXz, kZstd, kLz4 };

std::string_view to_string(Codec codec);

// Which codec the data starts with; nullopt for anything else. 18 bytes are enough, unless
// skippable frames (pzstd writes them) come first.
std::optional<Codec> sniff(ByteView start);

// No encoder can make more than this out of `compressed_size` bytes. Use it to refuse a size
// claimed by hostile data before memory is set aside for it. Saturates.
uint64_t largest_output(Codec codec, uint64_t compressed_size);

enum class Ending {
  kComplete,   // every frame was whole and its checksum right
  kTruncated,  // the input ended inside a frame
  kCorrupt,    // the input contradicts itself from some point on; what came before it was decoded
  kLimit,      // more output than allowed
};

struct Decoded {
  Bytes bytes;
  Ending ending = Ending::kComplete;
  std::string note;  // what went wrong or was ignored, for people; empty when nothing did
};

// Strict: an error unless all of it decodes and fits (kTruncated, kCorrupt, kTooLarge).
Result<Bytes> decompress(Codec codec, ByteView compressed, uint64_t max_size);

// Lenient: what could be decoded. An error only when that is nothing at all.
Result<Decoded> decompress_partial(Codec codec, ByteView compressed, uint64_t max_size);

// The fast path when the size is known (compressed ELF sections): one call, no copies. Fails unless
// the data decodes to exactly output.size() bytes.
Status decompress_exact(Codec codec, ByteView compressed, std::span<uint8_t> output);

// Fills the buffer as far as it can; fewer bytes than asked for mean the end.
using Source = std::function<Result<size_t>(std::span<uint8_t>)>;
using Sink = std::function<Status(ByteView)>;

struct StreamResult {
  uint64_t size = 0;  // bytes given to the sink
  Ending ending = Ending::kComplete;
  std::string note;
};

// Decodes as it reads, in a few hundred KiB of memory plus the codec's window. Errors are those of
// source and sink; damage in the data is an Ending. Every piece but the last has the same size, a
// multiple of 4 KiB.
Result<StreamResult> decompress_stream(Codec codec, const Source& source, const Sink& sink,
                                       uint64_t max_size);

// A compressed 20 GiB sparse core becomes a sparse file again: 4 KiB pages of zeros are left as
// holes. `output_fd` must be an empty regular file. `max_size` bounds the apparent size,
// `max_stored` what is written.
struct FileLimits {
  uint64_t max_size = uint64_t{1} << 42;
  uint64_t max_stored = uint64_t{1} << 36;
};
Result<StreamResult> decompress_to_file(Codec codec, ByteView compressed, int output_fd,
                                        const FileLimits& limits = {});
// Reads `input_fd` from where it stands (a pipe will do). `head` are bytes already taken from it.
Result<StreamResult> decompress_to_file(Codec codec, int input_fd, ByteView head, int output_fd,
                                        const FileLimits& limits = {});

}  // namespace inquest::codec
