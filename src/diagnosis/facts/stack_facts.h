// The words that facts are said in: evidence, statements, and the stacks of threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace inquest::diagnosis {

// Where a fact came from, for people and for clicking.
struct Evidence {
  enum class Kind : uint8_t {
    kRegister,
    kMemory,
    kInstruction,
    kFrame,
    kMapping,
    kModule,
    kSignal,
    kText
  };
  Kind kind = Kind::kText;
  std::string what;  // "rax = 0x0", "8 bytes at 0x7f…: 0x0", "frame 2: checkout()"
  std::optional<Address> address;
  std::optional<size_t> frame;  // index into the crashing thread's frames
};

std::string_view to_string(Evidence::Kind kind);

struct Fact {
  std::string statement;  // one sentence without the final period
  std::vector<Evidence> evidence;
};

// --- frames
// ---------------------------------------------------------------------------------------------------

enum class CodeRole : uint8_t {
  kUser,      // the program's own code, or a library that is not part of the system
  kLibrary,   // the C library, a system library
  kLanguage,  // std::, __gnu_cxx, core::, alloc::: templates and language support, also when
              // inlined into user code
  kAbort,     // raise, abort, __assert_fail, std::terminate, panic machinery
  kStart,     // _start, __libc_start_main, clone, thread start
  kSignal,    // the trampoline below a signal handler
  kUnknown,   // no name, no module
};
std::string_view to_string(CodeRole role);

// Whose a file is: the package that it was installed with.
struct PackageFact {
  std::string manager;  // "npm", "python", "debian", "cargo", "rust" (its own library)
  std::string name;
  std::string version;      // empty: not known
  std::string installed;    // the version that is there now, when that is not the file that ran
  bool is_program = false;  // of npm: it lies in no node_modules, so it is the program itself
};
// "npm package better-sqlite3 9.4.0"
std::string package_words(const PackageFact& package);

struct VariableFact {
  std::string name, type, text;  // text: the value for people; empty when there is none
  std::string why_not;  // "optimized out", "not in the core (…)"; empty when text holds the value
  bool is_argument = false;
  std::string function;
};

struct FunctionFact {      // a physical frame holds one or more, innermost inlined first
  std::string name;        // demangled with parameters; empty when unknown
  std::string short_name;  // without parameters
  std::string file;        // empty when unknown
  uint32_t line = 0, column = 0;
  bool is_inlined = false;
  CodeRole role = CodeRole::kUnknown;
  std::optional<PackageFact> package;  // of `file`: a crate
  std::vector<std::string>
      source;  // lines around `line`, "  41 | code"; empty when the source is not at hand
};

// A frame of a language's own run time (CPython …), or a C++20 coroutine that is suspended. It has
// no machine frame of its own.
struct RuntimeFrameFact {
  std::string language;  // "Python", "JavaScript", "C++"
  std::string function;  // qualified where the run time knows that; empty: unknown
  std::string file;      // empty: unknown
  uint32_t line = 0, column = 0;
  CodeRole role = CodeRole::kUnknown;
  std::string tier;                     // see process/runtime/runtime.h; empty: not told apart
  std::optional<PackageFact> package;   // of `file`
  std::string gap;                      // what of it could not be read, and why
  std::vector<std::string> source;      // as of FunctionFact
  std::vector<VariableFact> variables;  // with --full, or for the frame that matters
};

// What waits its turn in a run time's own scheduler (a task of asyncio).
struct RuntimeTaskFact {
  std::string name, state;               // "Task-3"; "waiting", "running", "ready", …
  std::vector<RuntimeFrameFact> frames;  // where it stands, innermost first
  std::string awaits;                    // "task Task-7", "_asyncio.Future at 0x7f…"
  std::string gap;                       // what of it could not be read, and why
};

// Who waits for the C++20 coroutine that a frame executes: the stack shows only who resumed it.
struct AwaitFact {
  std::string coroutine;           // "read_header(Conn&, int)"
  std::optional<Address> address;  // of its frame; nullopt: not found
  // The one that awaits it first. Their places are where they will go on.
  std::vector<RuntimeFrameFact> awaiters;
  std::string end;  // why there are no more of them, a clause
  std::vector<Evidence> evidence;
};

struct FrameFact {
  size_t index = 0;  // as walked (a folded cycle, and frames that are left out, leave a gap)
  Address pc;
  std::string module;          // path; empty outside every module
  std::string build_id;        // hex, empty when unknown
  uint64_t module_offset = 0;  // link-time address of the lookup pc
  // Of which language's run time this is the own code: "Python", "JavaScript"; empty: of none.
  std::string run_time;
  std::string found_by, trust;  // see process/unwind/frame.h
  bool is_signal_handler_return = false;
  bool interrupted = false;
  std::vector<FunctionFact> functions;  // never empty
  std::vector<VariableFact> variables;  // with --full, or for the frames that matter
  // What this frame executes, when it is one of an interpreter's loop: innermost first.
  std::vector<RuntimeFrameFact> runtime_frames;
  std::optional<AwaitFact> awaited;  // of a coroutine's body
};

// What a language's run time knows of a thread.
struct RuntimeStackFact {
  std::string runtime;      // "CPython 3.11.2"
  size_t total_frames = 0;  // of the language, those in folded rounds of a recursion too
  bool holds_lock = false;  // the interpreter's lock (GIL)
  std::string exception;    // in flight: "ValueError: too late"; empty: none, or not known
  // Frames whose native frame was not found, innermost first; at most some hundreds.
  std::vector<RuntimeFrameFact> apart;
  std::vector<std::string> notes;
};

struct CycleFact {
  size_t first = 0, period = 0, count = 0;  // see process/unwind/frame.h
  std::vector<std::string> functions;       // short names of one round, outermost caller first
};

// `count` frames of a deep stack are left out right before frames[before].
struct OmittedFact {
  size_t before = 0, count = 0;
};

struct StackFacts {
  std::string title;  // "freed by thread T1 here"; empty for the threads of the process
  int32_t tid = 0;
  std::string thread_name;
  std::vector<FrameFact> frames;
  size_t total_frames = 0;
  std::optional<CycleFact> cycle;
  std::optional<OmittedFact> omitted;
  std::string end;  // "complete", "missing-memory", …
  bool corrupt = false;
  std::vector<std::string> notes;
  std::optional<RuntimeStackFact> runtime;
  std::vector<int32_t> alike;  // further threads with this very stack and thread name
};

// The innermost frame of a language that a run time executes; nullptr: there is none.
const RuntimeFrameFact* innermost_script(const StackFacts& stack);

}  // namespace inquest::diagnosis
