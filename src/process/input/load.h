// load(): any input that holds a dead process, told apart by its first bytes, as a ProcessImage.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "platform/os/mapped_file.h"
#include "process/image/process_image.h"

namespace inquest::process {

struct LoadOptions {
  // Bytes, of a compressed or piped input once unpacked: apparent size, and what is not zero. It is
  // unpacked into a sparse file without a name in $TMPDIR (or /tmp).
  uint64_t max_unpacked_size = uint64_t{1} << 42;
  uint64_t max_unpacked_stored = uint64_t{1} << 36;
};

// What a path holds, unpacked.
struct Input {
  os::MappedFile file;
  std::optional<Note> note;  // it could not be unpacked whole

  ByteView bytes() const { return file.bytes(); }
};

// Opens `path` ("-": standard input), plain or packed with gzip, xz, zstd or lz4. Errors say what
// the file is when it is neither a core nor a minidump nor text.
Result<Input> open_input(const std::string& path, const LoadOptions& options = {});

// Whether these first bytes of an input are text: a log, what a terminal showed.
bool is_text(ByteView start);

// Reads an ELF core or a minidump of x86-64 or AArch64 Linux from `path` ("-": standard input),
// plain or packed with gzip, xz, zstd or lz4. Reads headers and notes; memory is mapped, and read
// when it is asked for. Errors say what the file is instead, and what to do.
Result<ProcessImage> load(const std::string& path, const LoadOptions& options = {});
Result<ProcessImage> load(Input input);

// The same for an ELF core held in memory, which must outlive the image. `source` is its name, for
// people.
Result<ProcessImage> load_core(ByteView core, const std::string& source);

}  // namespace inquest::process
