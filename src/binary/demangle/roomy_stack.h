// A large stack for code that recurses as deep as its input says. Internal to this room.
#pragma once

#include <cstddef>

namespace inquest::demangle {

inline constexpr size_t kRoomyStackSize =
    64 * 1024 * 1024;  // address space; pages are used as touched

// Runs `function(argument)` on a fresh stack of kRoomyStackSize with a guard page below it. False,
// and nothing was run, when the address space for it cannot be had. `function` must not throw.
bool call_on_roomy_stack(void (*function)(void*), void* argument);

}  // namespace inquest::demangle
