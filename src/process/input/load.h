// load(): any input that holds a dead process, told apart by its first bytes, as a ProcessImage.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "process/image/process_image.h"

namespace inquest::process {

struct LoadOptions {
  // Where compressed or piped input is unpacked, sparsely, into a file without a name. Empty:
  // $TMPDIR, else /tmp.
  std::string temporary_directory;
  uint64_t max_unpacked_size = uint64_t{1} << 42;  // bytes, apparent; kTooLarge beyond it
};

// Reads an ELF core of x86-64 or AArch64 Linux from `path` ("-": standard input), plain or packed
// with gzip, xz, zstd or lz4. Reads headers and notes; memory is mapped and read when it is asked
// for. Errors say what the file is instead of a core, and what to do.
Result<ProcessImage> load(const std::string& path, const LoadOptions& options = {});

// The same for an ELF core held in memory, which must outlive the image. `source` is its name, for
// people.
Result<ProcessImage> load_core(ByteView core, const std::string& source);

}  // namespace inquest::process
