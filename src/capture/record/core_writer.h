// The notes and the layout of an ELF core (gABI chapter 5; linux/elfcore.h; fs/binfmt_elf.c), with
// notes of owner "INQUEST" beside the kernel's (docs/formats/slim-record.md).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/record/circumstances.h"
#include "capture/record/page_store.h"

namespace inquest::capture {

// Note types of owner "INQUEST".
inline constexpr uint32_t kNoteMaps = 1;  // text of /proc/PID/maps
inline constexpr uint32_t kNoteJson = 2;  // circumstances_json()

// The PT_NOTE segment: process, threads (those with registers, in order), auxv, mapped files, ours.
Bytes core_notes(const Circumstances& circumstances, const std::vector<ThreadState>& threads,
                 int signal, const std::vector<LiveMapping>& mappings, std::string_view json);

// Memory of the process that the core holds: [start, end) with the protection of its mapping.
struct CoreRange {
  AddressRange range;
  bool read = false, write = false, execute = false;
};
// Kept pages as ranges that do not cross mappings.
std::vector<CoreRange> ranges_of(const PageStore& pages, const std::vector<LiveMapping>& mappings);

// ELF header, program headers and notes, padded to a page: what stands before the memory. The
// memory of `ranges` is to follow in order.
Bytes core_head(ByteView notes, const std::vector<CoreRange>& ranges);

// A whole core in memory.
Bytes core_of(ByteView notes, const PageStore& pages, const std::vector<LiveMapping>& mappings);

// `bytes` as one zstd frame with a checksum.
Result<Bytes> compress_record(ByteView bytes);

}  // namespace inquest::capture
