// Coroutines and generators that are suspended: where each stands, and what it awaits.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "process/runtime/cpython/frames.h"
#include "process/runtime/cpython/objects.h"
#include "process/runtime/cpython/types.h"
#include "process/runtime/runtime.h"

namespace inquest::process::cpython {

inline constexpr size_t kMaxAwaiting = 1000;  // coroutines of one chain

enum class CoroutineState : uint8_t { kUnknown, kCreated, kSuspended, kRunning, kFinished };

struct AwaitingChain {
  CoroutineState state = CoroutineState::kUnknown;  // of the outermost
  std::vector<RuntimeFrame> frames;  // outermost first; of one that runs only the outermost
  // What the innermost awaits that is no coroutine with a frame, a future mostly:
  // "_asyncio.Future".
  Address awaited;
  std::string awaited_type;
  std::string gap;  // why the chain ends before its end
};

// Of the coroutine, generator or asynchronous generator at `coroutine`.
AwaitingChain awaiting_chain(const Objects& objects, const Types& types, const Version& version,
                             FrameReader& frames, Address coroutine, bool with_variables);

}  // namespace inquest::process::cpython
