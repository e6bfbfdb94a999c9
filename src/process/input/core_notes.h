// What the notes of an ELF core say: threads, signal, process, auxiliary vector, mapped files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "binary/elf/file.h"
#include "process/image/process_image.h"
#include "process/input/record_notes.h"

namespace inquest::process {

// One entry of NT_FILE.
struct MappedRange {
  AddressRange range;
  uint64_t file_offset = 0;
  std::string path;
};

struct CoreNotes {
  struct ThreadNotes {
    Thread thread;
    int current_signal = 0;  // pr_cursig
  };

  std::vector<ThreadNotes> threads;
  int32_t pid = 0;
  std::optional<uint32_t> uid, gid;
  std::string command, arguments;
  std::map<uint64_t, uint64_t> auxv;
  std::vector<MappedRange> files;
  RecordNotes record;
  bool has_files = false, has_siginfo = false, has_float_registers = false;
  bool cut = false;       // the notes end beyond the end of the core
  size_t unreadable = 0;  // notes of a size we do not know
};

CoreNotes read_core_notes(const elf::File& core, isa::Arch arch);

}  // namespace inquest::process
