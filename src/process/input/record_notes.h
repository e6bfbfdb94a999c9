// What the notes of owner "INQUEST" add to an ELF core: all mappings, thread names, and the
// circumstances of the death (docs/formats/slim-record.md).
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "binary/elf/file.h"
#include "process/image/process_image.h"
#include "process/input/core_memory.h"

namespace inquest::process {

// As they stand in the core.
struct RecordNotes {
  ByteView maps;  // text of /proc/PID/maps
  std::string_view json;

  bool present() const { return !maps.empty() || !json.empty(); }
};

// Type numbers of the notes.
inline constexpr uint32_t kRecordNoteMaps = 1, kRecordNoteJson = 2;

// The mappings that the note lists, and a piece for each part of them that is kept or not. Memory
// that the core holds outside them gets a mapping of its own. `unreadable` counts lines.
struct RecordMappings {
  std::vector<Mapping> mappings;
  std::vector<CoreMemory::Piece> pieces;
};
RecordMappings cross_record_mappings(const elf::File& core, ByteView maps, size_t* unreadable);

// Puts what the JSON note says into the image: names of threads, system, annotations, and a note
// for each thing that is missing. False when it cannot be read.
bool read_record_json(std::string_view json, ProcessImage& image);

}  // namespace inquest::process
