// Greenlets that were switched away (also those of gevent and eventlet): their Python frames.
//
// Nothing lists them but the collector, whose lists of containers are gone through from the newest
// on, up to a bound. A greenlet's own state is a C++ object of the extension, which differs from
// release to release: its frame is found as the one word in it that points to a frame object whose
// frame points back to it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "process/image/process_image.h"
#include "process/runtime/cpython/frames.h"
#include "process/runtime/cpython/threads.h"
#include "process/runtime/cpython/types.h"
#include "process/runtime/runtime.h"

namespace inquest::process::cpython {

inline constexpr size_t kMaxTracked = 50'000;  // objects of the collector that are looked at
inline constexpr size_t kMaxGreenlets = 1000;
inline constexpr size_t kMaxGreenletFrames = 200;  // of one

struct Greenlets {
  std::vector<RuntimeTask> list;
  std::vector<std::string> notes;  // what could not be read
};

// Of all interpreters that have loaded greenlet; CPython 3.11 and later.
Greenlets read_greenlets(const Objects& objects, const Types& types, const Version& version,
                         FrameReader& frames, const ThreadStates& threads,
                         const ProcessImage& image);

}  // namespace inquest::process::cpython
