// What the program had told Crashpad about itself: names and values, for people.
#pragma once

#include <vector>

#include "process/image/process_image.h"
#include "process/input/minidump_file.h"

namespace inquest::process {

inline constexpr size_t kMaxAnnotations = 1024;

// The simple annotations of the process, then those of each module: simple ones, lists without
// names, and objects of type string. Objects of other types are the program's own business.
// Repetitions are left out, and so is what is empty.
std::vector<Annotation> read_annotations(const MinidumpFile& file);

}  // namespace inquest::process
