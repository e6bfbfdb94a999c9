// Holding a file against what the core has of the image, when there is no build-id to do it by.
#pragma once

#include "binary/elf/file.h"
#include "process/image/process_image.h"

namespace inquest::process {

enum class Comparison {
  kNothing,    // the core holds nothing that must be the same in the file
  kAgrees,     // what it holds is the same
  kDisagrees,  // the file is another one
};

// Compares the dynamic section (as ld.so relocates it) and a sample of read-only pages.
Comparison compare_with_memory(const elf::File& file, uint64_t bias, const MemoryReader& memory);

// For a program without a dynamic section, of which the core may hold the ELF header alone: agrees
// when that is the same and what the threads' stacks would return to stands behind calls in the
// file.
Comparison compare_static(const elf::File& file, uint64_t bias, const ProcessImage& image);

}  // namespace inquest::process
