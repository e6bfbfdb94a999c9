// The Python frames of one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "process/runtime/cpython/line_table.h"
#include "process/runtime/cpython/locals.h"
#include "process/runtime/cpython/objects.h"
#include "process/runtime/runtime.h"

namespace inquest::process::cpython {

// Of one thread; deeper ones are cut, and so said. A stack of 8 MiB that overflows holds 24,000.
inline constexpr size_t kMaxFrames = 100'000;
// Of all threads.
inline constexpr size_t kMaxAllFrames = 200'000;

struct FrameChain {
  std::vector<Activation> activations;  // innermost first
  std::vector<std::string> notes;       // why it ends before its end
};

// Reads chains of frames. Keeps what is known of code objects, so that a recursion costs little.
class FrameReader {
 public:
  FrameReader(const Objects& objects, const Types& types, const Version& version);

  // Of the PyThreadState at `thread`.
  FrameChain read(Address thread);
  // A chain of frames that no thread runs, a greenlet's, from `frame` outwards; at most `max`. None
  // of them may lie on a stack: what is there now is not theirs. `gap`: why the chain ends early.
  std::vector<RuntimeFrame> read_chain(Address frame, size_t max, bool with_variables,
                                       const std::function<bool(Address)>& is_on_stack,
                                       std::string& gap);
  // A frame that no thread runs: a coroutine's.
  Result<RuntimeFrame> read_one(Address frame, bool with_variables);

 private:
  struct Code {
    std::string function, file, gap;
    uint32_t first_line = 0;
    Bytes lines;
    Address instructions;  // from 3.11 on
    bool is_code = false;  // else `gap` says why not
  };
  struct Step {
    Address previous;
    std::optional<RuntimeFrame> frame;  // nullopt: a frame of the interpreter's own
    Address code;                       // of `frame`
    bool ends_activation = false;       // after this frame
  };

  Result<Address> innermost(Address thread) const;
  // Where the interpreter's loop keeps its own records on the native stack (3.11), innermost first.
  std::vector<Address> controls(Address thread) const;
  Result<Step> read_frame(Address frame, bool with_variables);
  Result<Step> read_frame_object(Address frame);       // up to 3.10
  Result<Step> read_interpreter_frame(Address frame);  // from 3.11 on
  const Code& code_at(Address code);
  Code read_code(Address code) const;
  RuntimeFrame tell(const Code& code, int64_t offset) const;
  void set_places(const std::vector<Address>& shims, Address thread, FrameChain& chain) const;

  const Objects& objects_;
  const Layout& layout_;
  Version version_;
  LineFormat format_;
  std::map<Address, Code> codes_;
  Locals locals_;
  size_t frames_left_ = kMaxAllFrames;
};

}  // namespace inquest::process::cpython
