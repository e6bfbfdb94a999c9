// Giving up all rights, for a process that is about to read what somebody else wrote.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace inquest::capture {

// Where this is root: becomes `uid` and `gid`, the user whose process crashed, whose binaries that
// user can read; root's become 65534 ("nobody"). Without capabilities, a network or the chance to
// gain rights again; memory and time are bounded; system calls are filtered (keep_only_reading())
// where the kernel can do that. Descriptors that are open stay so. An error when something of that
// failed: nothing must be read then.
Status renounce_rights(uint32_t uid, uint32_t gid);

}  // namespace inquest::capture
