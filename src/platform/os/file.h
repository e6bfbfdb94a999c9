// Whole files: read with a cap, written so that a reader sees the old content or the new, never a
// half.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace inquest::os {

// The content of a regular file. kTooLarge when it is over `max_size`; files that say size 0 but
// have content
// (/proc) are read as well.
Result<Bytes> read_file(const std::string& path, uint64_t max_size);
Result<std::string> read_text_file(const std::string& path, uint64_t max_size);

// Writes a temporary file beside `path`, syncs it, and renames it over `path`. The directory must
// exist. Concurrent writers of one path are safe: the last rename wins, whole.
Status write_file_atomic(const std::string& path, ByteView content, unsigned mode = 0644);

bool is_regular_file(const std::string& path);
bool is_directory(const std::string& path);

}  // namespace inquest::os
