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
  std::vector<std::string>
      source;  // lines around `line`, "  41 | code"; empty when the source is not at hand
};

struct FrameFact {
  size_t index = 0;  // as walked (a folded cycle, and frames that are left out, leave a gap)
  Address pc;
  std::string module;           // path; empty outside every module
  std::string build_id;         // hex, empty when unknown
  uint64_t module_offset = 0;   // link-time address of the lookup pc
  std::string found_by, trust;  // see process/unwind/frame.h
  bool is_signal_handler_return = false;
  bool interrupted = false;
  std::vector<FunctionFact> functions;  // never empty
  std::vector<VariableFact> variables;  // with --full, or for the frames that matter
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
  std::vector<int32_t> alike;  // further threads with this very stack and thread name
};

}  // namespace inquest::diagnosis
