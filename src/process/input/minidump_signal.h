// The signal behind the exception record of a Linux minidump.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "process/image/process_image.h"

namespace inquest::process {

struct MinidumpException {
  uint32_t thread_id = 0;
  Signal signal;     // number 0: a dump was asked for, and nobody died
  ByteView context;  // of the thread at the fault; empty when not there
};

// `record`: MINIDUMP_EXCEPTION_STREAM without its context. `uid` and `pid` are the process's,
// when known (0: not); they tell apart what old writers left unsaid. nullopt: too short.
std::optional<MinidumpException> read_minidump_exception(ByteView record, Producer producer,
                                                         std::optional<uint32_t> uid, int32_t pid);

}  // namespace inquest::process
