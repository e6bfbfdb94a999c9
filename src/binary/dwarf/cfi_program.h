// The interpreter of call frame instructions (DWARF 5 section 6.4.2). Internal to cfi.cc.
#pragma once

#include <cstdint>
#include <optional>

#include "binary/dwarf/cfi.h"
#include "binary/dwarf/cfi_entries.h"

namespace inquest::dwarf {

// The row of `fde` that covers `pc`, which must lie inside it. Takes what it runs off `*budget`.
// nullopt when the program is malformed before it gets to pc, uses an unknown instruction, or the
// budget is spent.
std::optional<CfiRow> run_cfi_program(const Cie& cie, const Fde& fde, uint64_t pc,
                                      uint64_t* budget);

}  // namespace inquest::dwarf
