// Runtime: what a language's own run time knows of a thread: the frames that its source has, where
// the machine has only those of the interpreter's loop.
//
// A provider is a folder beside this file: a function that recognises the run time in a process,
// and a class that claims native frames for it. It validates each step, since the memory that it
// reads is that of a process that just broke, and says what it could not read: a frame that is not
// sure is not shown as one that is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "process/image/process_image.h"
#include "process/unwind/frame.h"

namespace inquest::process {

// An argument or a local of a frame.
struct RuntimeVariable {
  std::string name, type;
  std::string text;     // its value for people, bounded, without what looks like a secret
  std::string why_not;  // "unbound", "0x7f… is not mapped"; empty when `text` holds the value
  bool is_argument = false;
};

struct RuntimeFrame {
  std::string function;  // qualified where the run time knows that; empty: unknown
  std::string file;      // as the language knows it, "<string>" too; empty: unknown
  uint32_t line = 0;     // 0: unknown, or this code stands for no line
  uint32_t column = 0;   // from 1, in what the language counts: bytes (Python), UTF-16 units
                         // (JavaScript); 0: unknown
  // How it ran, where that differs: "interpreted", "baseline", "optimised", "inlined" into its
  // caller, "builtin" of the run time.
  std::string tier = {};
  std::string gap = {};  // what of it could not be read, and why; empty: nothing
  std::vector<RuntimeVariable> variables = {};
  // Without function and file it stands for frames that are left out, and the gap says how many.
};

// Something that waits its turn in the run time's own scheduler: a task of asyncio.
struct RuntimeTask {
  std::string name;   // "Task-3"; empty: not known
  std::string state;  // "waiting", "running", "ready", "not started", "done"; empty: not known
  std::vector<RuntimeFrame> frames;  // where it stands, innermost first
  // What the innermost waits for: "task Task-7", "_asyncio.Future at 0x7f…"; empty: nothing.
  std::string awaits;
  std::string gap;  // what of it could not be read, and why
};

// What one native frame executes.
struct RuntimeClaim {
  size_t frame = 0;                  // index into Stack::frames
  std::vector<RuntimeFrame> frames;  // innermost first, never empty
};

struct RuntimeStack {
  std::vector<RuntimeClaim> claims;  // by native frame
  // Frames that have no native frame, or for which it could not be found, innermost first. When
  // the two stacks do not fit each other, all of them stand here and there are no claims.
  std::vector<RuntimeFrame> apart;
  size_t total_frames = 0;  // read, those in folded rounds of a recursion too
  bool holds_lock = false;  // the interpreter's lock (GIL)
  std::string exception;    // in flight: "ValueError: too late"; empty: none, or not known
  std::vector<std::string> notes;
};

class Runtime {
 public:
  virtual ~Runtime() = default;

  virtual std::string_view language() const = 0;  // "Python"
  virtual std::string name() const = 0;           // "CPython 3.11.2"
  // How it was found, for people: "the symbol _PyRuntime of python3.11".
  virtual std::string found_by() const = 0;

  // What the run time calls the machine code at `pc` that came with it, as the symbol of it that a
  // stripped binary lacks; empty: no such code, or not known.
  virtual std::string code_name(Address /*pc*/) { return {}; }

  // The frames of `thread`, whose native stack is `stack`. functions[i] is the name, without
  // parameters, of the function of stack.frames[i]; empty when it has none. nullopt: the run time
  // knows nothing of the thread.
  virtual std::optional<RuntimeStack> claim(const Thread& thread, const Stack& stack,
                                            std::span<const std::string> functions) = 0;

  // Of the whole process, whichever thread ran them. After the claims; may add notes.
  virtual const std::vector<RuntimeTask>& tasks() {
    static const std::vector<RuntimeTask> kNone;
    return kNone;
  }
  // On the process as a whole: "the garbage collector was running". A sentence each.
  virtual const std::vector<std::string>& statements() const = 0;
  // What it could not read.
  virtual const std::vector<Note>& notes() const = 0;
};

// What a folder's recognise() answers.
struct RecognisedRuntime {
  std::unique_ptr<Runtime> runtime;  // nullptr: there is none, or it cannot be read
  std::vector<Note> notes;           // then why; empty when no such run time is loaded
};

// A call of the interpreter's loop: what one native frame executes, when which one is to be found.
struct Activation {
  std::vector<RuntimeFrame> frames;  // innermost first, never empty
  // An address within the native frame; nullopt: not known, they are told by their order.
  std::optional<Address> on_stack;
};

// Finds the native frames of `activations` (innermost first), which are those for which
// is_loop[i]. All that fit or none: what does not fit is apart, and a note says so.
RuntimeStack fit(std::vector<Activation> activations, const Stack& stack,
                 const std::vector<bool>& is_loop, std::string_view language);

}  // namespace inquest::process
