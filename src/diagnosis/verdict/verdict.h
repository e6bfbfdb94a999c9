// Verdict: ranked hypotheses about why the process died. A pure function of Facts: no I/O, no
// clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnosis/facts/facts.h"
#include "diagnosis/known/match.h"
#include "diagnosis/verdict/blame.h"

namespace inquest::diagnosis {

enum class CrashClass : uint8_t {
  kNullDereference,
  kNullMemberAccess,
  kNullFunctionCall,
  kWildPointer,
  kUninitialisedPointer,
  kUseAfterFree,
  kDoubleFree,
  kInvalidFree,
  kHeapCorruption,
  kStackBufferOverflow,
  kStackOverflowRecursion,
  kStackOverflowLargeFrame,
  kWriteToReadOnly,
  kExecuteNonExecutable,
  kCorruptedCodePointer,
  kBusTruncatedFile,
  kOutOfBoundsAccess,
  kMisalignedAccess,
  kIntegerDivisionByZero,
  kIntegerOverflowTrap,
  kIllegalInstruction,
  kDeliberateTrap,
  kAssertion,
  kUncaughtException,
  kPanic,
  kOutOfMemoryAbort,
  kKilledExternally,
  kKilledForMemory,
  kAbiMismatch,
  kBadSystemCall,
  kPureVirtualCall,
  kBufferOverflowFortify,
  kAbort,
  // What only a tool that watches the process can tell.
  kStackUseAfterReturn,
  kStackUseAfterScope,
  kUninitialisedValue,
  kMismatchedFree,
  kTypeConfusion,
  kUndefinedBehaviour,
  kDataRace,
  kDeadlock,
  kMemoryLeak,
  kApiMisuse,
  kTimeout,
  kNoCrash,
  kUnknown,
};

std::string_view to_string(
    CrashClass crash_class);                     // "null-member-access": stable, in the JSON schema
std::string_view title(CrashClass crash_class);  // "member of a null pointer": for people

enum class Confidence : uint8_t { kCertain, kHigh, kMedium, kLow };
std::string_view to_string(Confidence confidence);

// Where the engineer should look.
struct BlamedPlace {
  std::string function;  // short name
  std::string file;
  uint32_t line = 0, column = 0;
  size_t frame = 0;  // index into Facts::crashing.frames
  std::string module;
  uint64_t module_offset = 0;
};

struct Hypothesis {
  CrashClass crash_class = CrashClass::kUnknown;
  Confidence confidence = Confidence::kLow;
  std::string sentence;  // "`order->pricing` is null: the read at 0x38 is member `rate` of `struct
                         // Pricing`"
  std::string expression;  // "order->pricing", when known
  std::vector<std::string> facts_for, facts_against;
  std::string would_confirm;  // what would settle it
  std::string next_command;   // a command line to run next
};

struct Verdict {
  static constexpr int kVersion = 1;
  std::string headline;  // "checkout (pid 71) died of SIGSEGV: `order->pricing` is null in quote()
                         // at quote.cc:41"
  std::vector<Hypothesis> hypotheses;  // most likely first, never empty
  std::optional<BlamedPlace> place;
  Blame blame;
  std::vector<KnownMatch> known_issues;
  std::vector<std::string> next_steps;  // decisions: what to do now
  std::vector<std::string> limits;      // what could not be known, and how to know it next time
};

// `known`: the known issues that fit these facts.
Verdict judge(const Facts& facts, std::vector<KnownMatch> known = {});

}  // namespace inquest::diagnosis
