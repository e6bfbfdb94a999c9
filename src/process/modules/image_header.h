// ELF headers as a process has them in memory, and what follows from them: where the image lies,
// and which build it is.
#pragma once

#include <optional>

#include "base/address.h"
#include "base/build_id.h"
#include "binary/elf/file.h"
#include "process/image/memory.h"

namespace inquest::process {

// The ELF header and program headers that the process has mapped at `start`; nullopt when they are
// not in the core.
std::optional<elf::File> header_in_memory(const MemoryReader& memory, Address start);
// The build-id note of the image with these program headers, from memory.
std::optional<BuildId> build_id_in_memory(const MemoryReader& memory, const elf::File& header,
                                          uint64_t bias);
// Bias of an image whose file offset 0 is mapped at `start`.
uint64_t bias_of(const elf::File& header, Address start);
// From the first page to the end of the last PT_LOAD.
AddressRange span_of(const elf::File& header, uint64_t bias);

}  // namespace inquest::process
