// The registers of a thread as minidumps have them.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "binary/isa/registers.h"

namespace inquest::process {

struct MinidumpContext {
  isa::RegisterFile registers;
  Bytes vector_state;  // as Thread has it; may be empty
};

// CONTEXT of AMD64, and both layouts that Breakpad has for ARM64: today's, which Crashpad and
// Windows share, and the one of before 2018. Registers of a group that the flags leave out are
// unknown. nullopt: too short, or for another processor.
std::optional<MinidumpContext> read_minidump_context(ByteView bytes, isa::Arch arch);

}  // namespace inquest::process
