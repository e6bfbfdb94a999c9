// Where an arena's chunks lie: brk memory and mmapped stretches of the main arena, 64 MiB heaps of
// the others.
#pragma once

#include "process/heap/glibc_arenas.h"

namespace inquest::process::glibc {

// Fills in `arenas.regions`, and notes about what is not there.
void find_regions(const HeapInput& input, Arenas& arenas);

}  // namespace inquest::process::glibc
