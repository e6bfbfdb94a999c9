// The mappings of a core: its PT_LOADs (what was mapped, how, and what was written) crossed with
// NT_FILE (from which file).
#pragma once

#include <vector>

#include "binary/elf/file.h"
#include "process/input/core_memory.h"
#include "process/input/core_notes.h"

namespace inquest::process {

struct CoreMappings {
  std::vector<Mapping> mappings;          // sorted, not overlapping
  std::vector<CoreMemory::Piece> pieces;  // of the same ranges
  size_t overlapping = 0;                 // segments that were clipped or dropped
};

// O(n log n) in the number of segments and files.
CoreMappings cross_mappings(const elf::File& core, const std::vector<MappedRange>& files);

// Gives "[stack]", "[vdso]", "[vvar]" and "[heap]" to the mappings for which that is certain
// enough.
void name_special_mappings(ProcessImage& image);

}  // namespace inquest::process
