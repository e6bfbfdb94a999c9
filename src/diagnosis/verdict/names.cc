#include <array>
#include <utility>

#include "diagnosis/verdict/verdict.h"

namespace inquest::diagnosis {
namespace {

struct ClassName {
  std::string_view id;
  std::string_view title;
};

// In the order of CrashClass.
constexpr std::array<ClassName, static_cast<size_t>(CrashClass::kUnknown) + 1> kClassNames = {{
    {"null-dereference", "null pointer dereference"},
    {"null-member-access", "member of a null pointer"},
    {"null-function-call", "call of a null function pointer"},
    {"wild-pointer", "wild pointer"},
    {"uninitialised-pointer", "uninitialised pointer"},
    {"use-after-free", "use after free"},
    {"double-free", "double free"},
    {"invalid-free", "free of a pointer that was not allocated"},
    {"heap-corruption", "heap corruption found by the allocator"},
    {"stack-buffer-overflow", "stack buffer overflow"},
    {"stack-overflow-recursion", "stack overflow by recursion"},
    {"stack-overflow-large-frame", "stack overflow by a large frame"},
    {"write-to-read-only", "write to read-only memory"},
    {"execute-non-executable", "execution of memory that is not executable"},
    {"corrupted-code-pointer", "corrupted vtable or function pointer"},
    {"bus-truncated-file", "access beyond the end of a mapped file"},
    {"out-of-bounds-access", "access out of bounds"},
    {"misaligned-access", "misaligned access"},
    {"integer-division-by-zero", "integer division by zero"},
    {"integer-overflow-trap", "integer overflow"},
    {"illegal-instruction", "instruction that this CPU does not have"},
    {"deliberate-trap", "deliberate trap"},
    {"assertion", "failed assertion"},
    {"uncaught-exception", "uncaught exception"},
    {"panic", "panic"},
    {"out-of-memory-abort", "abort for lack of memory"},
    {"killed-externally", "killed from outside"},
    {"killed-for-memory", "killed for lack of memory"},
    {"abi-mismatch", "ABI or version mismatch"},
    {"bad-system-call", "forbidden system call"},
    {"pure-virtual-call", "pure virtual function called"},
    {"buffer-overflow-fortify", "buffer overflow stopped by _FORTIFY_SOURCE"},
    {"abort", "the program aborted itself"},
    {"stack-use-after-return", "use of a local variable after its function returned"},
    {"stack-use-after-scope", "use of a local variable after its scope ended"},
    {"uninitialised-value", "use of a value that was never set"},
    {"mismatched-free", "memory freed in another way than it was allocated"},
    {"type-confusion", "object used as a type that it is not"},
    {"undefined-behaviour", "undefined behaviour"},
    {"data-race", "data race"},
    {"deadlock", "deadlock"},
    {"memory-leak", "memory leak"},
    {"api-misuse", "function used against its rules"},
    {"timeout", "no end in time"},
    {"no-crash", "not a crash"},
    {"unknown", "unknown"},
}};

}  // namespace

std::string_view to_string(CrashClass crash_class) {
  return kClassNames[static_cast<size_t>(crash_class)].id;
}

std::string_view title(CrashClass crash_class) {
  return kClassNames[static_cast<size_t>(crash_class)].title;
}

std::string_view to_string(Confidence confidence) {
  switch (confidence) {
    case Confidence::kCertain:
      return "certain";
    case Confidence::kHigh:
      return "high";
    case Confidence::kMedium:
      return "medium";
    case Confidence::kLow:
      return "low";
  }
  return "low";
}

}  // namespace inquest::diagnosis
