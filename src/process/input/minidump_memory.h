// The memory that a minidump holds, crossed with what it tells of the mappings.
#pragma once

#include <vector>

#include "process/image/process_image.h"
#include "process/input/core_memory.h"
#include "process/input/minidump_file.h"

namespace inquest::process {

inline constexpr size_t kMaxMemoryRanges = 1 << 20;

struct MinidumpRange {
  AddressRange range;
  uint64_t offset = 0;  // in the file
  bool is_stack = false;
};

// Memory of the lists with 32 and with 64 bits; stacks of threads are to be added to it. Ranges
// over kMaxMemoryRanges and those that wrap around are counted in `*unusable`.
std::vector<MinidumpRange> read_memory_lists(const MinidumpFile& file, size_t* unusable);

// Regions of MINIDUMP_MEMORY_INFO_LIST that are in use; they have no names.
std::vector<Mapping> read_memory_info(const MinidumpFile& file);

// What is to be told of a process whose mappings nobody wrote down: a mapping for each module and
// for each stretch of dumped memory outside them.
std::vector<Mapping> mappings_of_parts(const std::vector<ListedModule>& modules,
                                       const std::vector<MinidumpRange>& ranges);

struct MinidumpPieces {
  std::vector<CoreMemory::Piece> pieces;
  uint64_t lost = 0;  // bytes of memory beyond the end of the file
};

// Gives each address of `mappings` its bytes or the reason why it has none, and notes in them what
// was dumped. Memory outside every mapping gets one.
MinidumpPieces cross_memory(ByteView file, std::vector<MinidumpRange> ranges,
                            std::vector<Mapping>& mappings);

}  // namespace inquest::process
