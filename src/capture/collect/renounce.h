// Giving up all rights, for a process that is about to read what somebody else wrote.
#pragma once

#include "base/result.h"

namespace inquest::capture {

// Becomes user and group 65534 ("nobody") where this is root, without capabilities, a network or
// the chance to gain rights again; memory and time are bounded. Descriptors that are open stay so.
// An error when something of that failed: nothing must be read then.
Status renounce_rights();

}  // namespace inquest::capture
