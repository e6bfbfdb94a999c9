// What of a mapping may be kept: the kernel's own rules for cores (fs/coredump.c, vma_dump_size),
// so that what a program keeps out of its cores is kept out of records too.
#pragma once

#include <cstdint>

#include "capture/record/proc_text.h"

namespace inquest::capture {

enum class Keep : uint8_t {
  kNothing,
  kWritten,  // a private mapping of a file: only pages that the process has written to
  kAll,
};

struct KeepRule {
  Keep keep = Keep::kAll;
  const char* reason = "";  // why not all, for people; empty when all
};

// `filter`: /proc/PID/coredump_filter. `flags`: nullptr when they could not be read.
KeepRule keep_rule(const LiveMapping& mapping, uint32_t filter, const MappingFlags* flags);

inline constexpr uint32_t kDefaultFilter = 0x33;

}  // namespace inquest::capture
