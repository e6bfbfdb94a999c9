// What is missing from a core or odd about it, said once, for people.
#pragma once

#include "binary/elf/file.h"
#include "process/input/core_mappings.h"
#include "process/input/core_notes.h"

namespace inquest::process {

void note_findings(const elf::File& core, const CoreNotes& notes, const CoreMappings& crossed,
                   ProcessImage& image);

}  // namespace inquest::process
