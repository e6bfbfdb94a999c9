// Facts: what is known about a crash, each with the bytes it came from. Plain values: they print as
// JSON, can be stored, and can be judged again by newer rules. Nothing here is an opinion; opinions
// are diagnosis/verdict.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "diagnosis/facts/heap_facts.h"
#include "diagnosis/facts/origin_facts.h"
#include "diagnosis/facts/stack_facts.h"

namespace inquest::diagnosis {

// --- the fault
// ------------------------------------------------------------------------------------------------

enum class AccessKind : uint8_t { kNone, kRead, kWrite, kReadWrite, kExecute };
std::string_view to_string(AccessKind kind);  // "read-write"

// What the address itself tells. Several may hold at once.
enum class AddressTrait : uint8_t {
  kNull,          // exactly 0
  kNearNull,      // in the first 64 KiB
  kNonCanonical,  // x86-64: bits 63..47 differ
  kKernelHalf,
  kMisaligned,  // for the instruction that used it
  kUnmapped,
  kGuardPage,        // in a no-access or unmapped gap directly below a thread stack
  kJustPastMapping,  // within kNearMapping bytes behind a mapping
  kJustBeforeMapping,
  kReadOnlyMapping,
  kNoExecuteMapping,
  kNoAccessMapping,
  kBeyondEndOfFile,  // of the file mapped there
  kInStackOfOtherThread,
  kInOwnStack,
  kBelowStackPointer,  // in its own stack, below sp: a dead frame
  kInHeap,
  kInModule,
  kText,  // printable ASCII
  kUtf16Text,
  kPoison,            // a known fill pattern: `poison_name` says which
  kFreedTcacheLink,   // looks like glibc's mangled free-list link: the memory was freed
  kSmallInteger,      // below 1 MiB, used as a pointer
  kTruncatedPointer,  // the low 32 bits of a mapped address
  kBitFlip,           // one bit away from a mapped address (and the intended one is plausible)
};
std::string_view to_string(AddressTrait trait);

struct AddressFacts {
  Address address;
  std::vector<AddressTrait> traits;
  std::string poison_name;  // "glibc tcache key", "ASan heap-left-redzone", "jemalloc junk 0x5a",
                            // "0xdeadbeef"
  std::string text;         // when kText or kUtf16Text
  std::string mapping;  // "[heap]", "/lib/libc.so.6 r--p", "stack of thread 17": what holds it, or
                        // the neighbour
  uint64_t distance = 0;  // bytes past or before that neighbour
  std::string symbol;     // "main_arena+0x60", when it lies in a module
  std::string statement;  // one sentence

  bool has(AddressTrait trait) const;
};

// An expression in source terms; see process/symbols/variables.h.
struct ExpressionFact {
  std::string text, type;
  std::string base_variable, base_kind, function;
  std::string trust;              // "exact", "traced", "heuristic"
  std::optional<uint64_t> value;  // unknown is never 0
  std::vector<std::string> steps;
};

struct MemberFact {
  std::string structure, member, member_type;
  uint64_t offset = 0;
};

struct OperandFacts {
  std::string text;  // "[rdi+0x38]"
  AccessKind access = AccessKind::kNone;
  uint32_t size = 0;
  std::optional<Address> effective;  // nullopt when a register it needs is unknown
  std::string
      bad_register;  // the one whose value made the address bad: "rdi"; empty: none stands out
  std::optional<uint64_t> bad_value;
  int64_t displacement = 0;
  std::optional<AddressFacts> address;       // of `effective`
  std::optional<AddressFacts> pointer;       // of the bad register's value
  std::optional<ExpressionFact> expression;  // what the bad register held
  std::optional<MemberFact> member;
  // What the index register held. When it is the index that carried the address away, bad_register
  // is empty and this is set even without debug information (text: the register's name, trust
  // empty).
  std::optional<ExpressionFact> index;
  std::string accessed;  // the whole that was accessed, in source terms: "a[i]"; may be empty
  std::string why_no_expression;
};

// The instruction at which the thread stopped, and what it wanted.
struct FaultFacts {
  size_t frame = 0;  // whose pc it is: 0, or the caller when pc itself was bad
  Address pc;
  std::string instruction;  // "mov eax, dword ptr [rdi+0x38]"; empty when not decoded
  std::string why_not_decoded;
  std::string kind;  // "load", "store", "call", "jump", "return", "push", "trap", "divide",
                     // "syscall", "other"
  AccessKind access = AccessKind::kNone;
  std::optional<Address>
      address;  // that was refused: si_addr, or recomputed from the operand (non-canonical)
  bool address_recomputed = false;      // si_addr did not say
  std::optional<OperandFacts> operand;  // the one that was refused
  std::optional<AddressFacts> address_facts;
  std::optional<AddressFacts> pc_facts;  // when pc itself was bad (jump to null, to data)
  // Control went, or was about to go (ret or call to a non-canonical address: pc still stands on
  // it), to a place without code. `address` is that place and `access` kExecute.
  bool pc_is_bad = false;
  bool feeds_call =
      false;  // the refused load was to fetch a call's target: a vtable, a table of functions
  bool stack_pointer_in_guard = false;             // the access was to the stack, beyond its end
  std::optional<uint64_t> stack_size, stack_used;  // bytes, of the thread's stack mapping
  std::optional<uint64_t> frame_size;              // bytes between cfa and sp of the faulting frame
  std::string needs_feature;        // ILL: the CPU feature that the instruction belongs to
  std::optional<uint64_t> divisor;  // FPE
  std::optional<uint64_t> dividend_low, dividend_high;
  std::string divisor_expression;
  std::string call_target_expression;  // pc bad: what the caller called through: "ops->open"
  std::optional<OperandFacts> call_operand;
  // pc bad: what was called is the null that a finished coroutine has for its resume function.
  std::optional<Fact> finished_coroutine;
  std::optional<Fact>
      changed_since;  // memory now disagrees with the register: a racing writer, or a reuse
  std::vector<std::string> inconsistencies;  // the reported address is produced by no operand, …
};

// Why the process ended itself.
struct AbortFacts {
  enum class Kind : uint8_t {
    kNone,
    kAssertion,
    kGlibcHeap,
    kStackSmashing,
    kFortify,
    kException,
    kPureVirtual,
    kPanic,
    kOutOfMemory,
    kTerminate,
    kSanitizer,
    kAbortCall,
    kRaise,
    kOther,
  };
  Kind kind = Kind::kNone;
  std::string message;  // as written: "double free or corruption (!prev)", "main.c:3: f: Assertion
                        // `x' failed."
  std::string condition, file, function;  // parsed from an assertion or panic
  uint32_t line = 0;
  std::string exception_type;  // "std::runtime_error"
  std::string exception_what;
  // Code in the language of a run time asked for it: process.abort(), an exception.
  bool by_script = false;
  // What the check that failed had been given: the pointer that free() refused.
  std::optional<ExpressionFact> argument;
  std::vector<Evidence> evidence;
};
std::string_view to_string(AbortFacts::Kind kind);

// What a tool that watched the process says of it: a sanitizer, valgrind, the kernel's log.
struct ReportedFacts {
  std::string tool;   // "AddressSanitizer", "valgrind memcheck", "kernel log"
  std::string error;  // in its own words: "heap-use-after-free", "Invalid read of size 8"
  AccessKind access = AccessKind::kNone;
  uint64_t size = 0;  // bytes accessed, 0: not said
  std::optional<Address> address;
  std::optional<Address> stack_pointer;
  std::string summary;               // its one-line summary, when it has one
  std::vector<std::string> excerpt;  // the lines it was read from, at most some tens
  // Further stacks that the tool showed: "previous write by thread T1", "mutex created at".
  std::vector<StackFacts> related;
};

struct SignalFacts {
  int number = 0;    // 0: the process did not die of a signal (a live dump)
  std::string name;  // "SIGSEGV"
  std::optional<int> code;
  std::string code_name;  // "SEGV_MAPERR"
  std::string meaning;    // "address not mapped"
  std::optional<Address> address;
  std::optional<int32_t> sender_pid;
  std::optional<uint32_t> sender_uid;
  bool sent_by_self = false;  // tgkill/raise/abort of the process itself
  bool sent_by_other = false;
  std::optional<int> system_call;  // SIGSYS
  std::string system_call_name;
};

// --- the process
// ----------------------------------------------------------------------------------------------

struct ModuleFact {
  std::string path, build_id, version;
  Address start, end;
  std::string status;  // "verified", "missing", "mismatch", …
  std::string found_path, found_build_id, debug_path;
  bool has_symbols = false, has_debug_info = false;  // as far as they were looked for
  bool on_crash_path = false;                        // a frame of the crashing thread lies in it
  std::optional<PackageFact> package;                // of those on the crash path
};

struct ProcessFacts {
  std::string executable, command, arguments;
  int32_t pid = 0;
  std::optional<uint32_t> uid, gid;
  std::string arch, producer, source;
  // The options that this analysis was given ("--exe", "./app"): suggested commands repeat them.
  std::vector<std::string> given;
  size_t thread_count = 0;
  std::string language;  // of the crashing user frame: "C", "C++", "Rust", "unknown"
  std::string
      runtime;  // "python3.11", "node", "bun", "go", … when recognised by its modules; else empty
};

// A language's run time that was found in the process.
struct RuntimeFact {
  std::string name;      // "CPython 3.11.2"
  std::string language;  // "Python"
  std::string found_by;  // "the symbol _PyRuntime of python3.11"
};

struct Facts {
  static constexpr int kVersion = 1;

  ProcessFacts process;
  SignalFacts signal;  // of the original fault when a handler of the process's own was in between
  std::optional<SignalFacts> delivered;  // then: the one that ended the process
  bool own_handler = false;              // the process's own crash handler ran
  StackFacts crashing;                   // the crashing thread, from the fault on
  std::vector<StackFacts> others;        // the other threads, in the order of the dump
  size_t crash_frame = 0;  // index into crashing.frames: where the fault or abort happened
  // The innermost frame and function in native code that is the program's own or that was added to
  // the system: never a run time's.
  std::optional<size_t> user_frame, user_function;
  // Where there is none, the innermost in the code of the run time that executes the program's.
  std::optional<size_t> run_time_frame, run_time_function;
  // The native frame and function that an engineer should open first: one or the other.
  std::optional<size_t> open_frame() const { return user_frame ? user_frame : run_time_frame; }
  size_t open_function() const {
    return (user_frame ? user_function : run_time_function).value_or(0);
  }
  // The innermost frame of the crashing thread in the program's own code of a language that a run
  // time executes.
  std::optional<RuntimeFrameFact> user_runtime_frame;
  std::vector<RuntimeFact> runtimes;
  std::vector<RuntimeTaskFact> tasks;  // of all run times; variables only with --full
  std::optional<FaultFacts> fault;
  AbortFacts abort;
  std::optional<ReportedFacts> reported;
  std::optional<HeapFacts> heap;  // nullopt: not looked at
  OriginFacts origin;
  std::vector<ModuleFact> modules;
  std::vector<Fact> inconsistent_modules;  // on disk ≠ loaded, two versions of one library
  std::vector<Fact>
      missing;  // what could not be read and why: truncated, no binary, no debug information
  std::vector<std::string> advice;  // how to get what is missing, in step with `missing`
  std::vector<Fact>
      other;  // further statements worth reading (stderr text found, errno, mutex owner)
};

}  // namespace inquest::diagnosis
