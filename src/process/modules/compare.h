// Holding a file against what the core has of the image, when there is no build-id to do it by.
#pragma once

#include "binary/elf/file.h"
#include "process/image/memory.h"

namespace inquest::process {

enum class Comparison {
  kNothing,    // the core holds nothing that must be the same in the file
  kAgrees,     // what it holds is the same
  kDisagrees,  // the file is another one
};

// Compares the dynamic section (as ld.so relocates it) and a sample of read-only pages.
Comparison compare_with_memory(const elf::File& file, uint64_t bias, const MemoryReader& memory);

}  // namespace inquest::process
