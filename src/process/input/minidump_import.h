// A minidump of Linux becomes a ProcessImage.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "process/image/process_image.h"

namespace inquest::process {

inline constexpr size_t kMaxMinidumpThreads = 1 << 16;

// `bytes` must outlive the image; `source` is its name, for people. Minidumps of Windows, macOS and
// others, and those of other processors, are refused by name, with what to do.
Result<ProcessImage> load_minidump(ByteView bytes, const std::string& source);

}  // namespace inquest::process
