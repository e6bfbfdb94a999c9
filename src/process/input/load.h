// load(): any input that holds a dead process, told apart by its first bytes, as a ProcessImage.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "process/image/process_image.h"

namespace inquest::process {

struct LoadOptions {
  // Bytes, of a compressed or piped input once unpacked: apparent size, and what is not zero. It is
  // unpacked into a sparse file without a name in $TMPDIR (or /tmp).
  uint64_t max_unpacked_size = uint64_t{1} << 42;
  uint64_t max_unpacked_stored = uint64_t{1} << 36;
};

// Reads an ELF core of x86-64 or AArch64 Linux from `path` ("-": standard input), plain or packed
// with gzip, xz, zstd or lz4. Reads headers and notes; memory is mapped, and read when it is asked
// for. Errors say what the file is instead of a core, and what to do.
Result<ProcessImage> load(const std::string& path, const LoadOptions& options = {});

// The same for an ELF core held in memory, which must outlive the image. `source` is its name, for
// people.
Result<ProcessImage> load_core(ByteView core, const std::string& source);

}  // namespace inquest::process
