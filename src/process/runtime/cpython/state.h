// What CPython was about: who holds the lock, whether garbage is being collected, which exception a
// thread has in flight.
#pragma once

#include <string>
#include <vector>

#include "process/runtime/cpython/find.h"
#include "process/runtime/cpython/objects.h"
#include "process/runtime/cpython/threads.h"

namespace inquest::process::cpython {

struct ProcessState {
  std::vector<Address> lock_holders;    // PyThreadStates that hold an interpreter's lock
  std::vector<std::string> statements;  // for people
};

ProcessState read_process_state(const Objects& objects, const Found& found,
                                const ThreadStates& threads, const ProcessImage& image);

// "ValueError: too late"; empty: none, or it cannot be read.
std::string exception_in_flight(const Objects& objects, Address thread);

}  // namespace inquest::process::cpython
