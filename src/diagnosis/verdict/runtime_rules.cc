#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

constexpr uint64_t kNullPages = 64 * 1024;
constexpr int kPrivilegedFault = 0x80;  // SI_KERNEL: the processor did not say which address

// What a runtime's own words mean. The first that fits.
struct Meaning {
  std::string_view tool;   // begins with
  std::string_view words;  // contained in the error
  CrashClass crash_class;
  int weight;
  std::string_view sentence;
  std::string_view would_confirm;
};

constexpr Meaning kMeanings[] = {
    {"Go", "index out of range", CrashClass::kOutOfBoundsAccess, 98,
     "an index lies outside its slice or array", "where the index comes from"},
    {"Go", "slice bounds out of range", CrashClass::kOutOfBoundsAccess, 98,
     "the bounds of a slice expression do not fit what is sliced", "where the bounds come from"},
    {"Go", "integer divide by zero", CrashClass::kIntegerDivisionByZero, 98, "the divisor is zero",
     "who was to keep the divisor from being zero"},
    {"Go", "integer overflow", CrashClass::kIntegerOverflowTrap, 97, "an integer overflowed", ""},
    {"Go", "concurrent map", CrashClass::kDataRace, 98,
     "two goroutines use one map at the same time, and at least one of them writes",
     "the other goroutine: build with -race and run again"},
    {"Go", "all goroutines are asleep", CrashClass::kDeadlock, 98,
     "every goroutine waits for another one, so none can go on",
     "what each goroutine waits for: the word in brackets behind its number"},
    {"Go", "stack overflow", CrashClass::kStackOverflowRecursion, 98,
     "a goroutine outgrew the largest stack that Go allows", "the call that repeats"},
    {"Go", "stack exceeds", CrashClass::kStackOverflowRecursion, 98,
     "a goroutine outgrew the largest stack that Go allows", "the call that repeats"},
    {"Go", "SIGQUIT", CrashClass::kKilledExternally, 96,
     "SIGQUIT asked the program to print its goroutines and leave: nothing in it failed",
     "who sent it: a person, a supervisor, a health check"},
    {"Rust", "stack overflow", CrashClass::kStackOverflowRecursion, 90,
     "a thread ran out of stack, most often by endless recursion",
     "the frames: a core holds them, the text does not"},
    {"Python", "Cannot recover from stack overflow", CrashClass::kStackOverflowRecursion, 97,
     "Python code recursed until the interpreter gave up", "the call that repeats"},
    {"Python", "deallocating None", CrashClass::kAbort, 96,
     "the reference count of None fell to zero: an extension module released a reference that it "
     "did not own",
     "the extension module: leave out the suspects one by one, or run a debug build of Python"},
    {"Python", "negative ref count", CrashClass::kUseAfterFree, 90,
     "an object was released more often than it was taken, by an extension module", ""},
    {"Android", "null pointer dereference", CrashClass::kNullDereference, 97,
     "a null pointer was used", "the path that leaves it null"},
    {"Windows", "heap corruption", CrashClass::kHeapCorruption, 97,
     "the allocator found its own records overwritten", "a run with page heap on (gflags)"},
    {"Windows", "stack overflow", CrashClass::kStackOverflowRecursion, 90,
     "a thread ran out of stack", "the call that repeats"},
    {"Windows", "integer division by zero", CrashClass::kIntegerDivisionByZero, 98,
     "the divisor is zero", "who was to keep the divisor from being zero"},
    {"Bun", "Stack overflow", CrashClass::kStackOverflowRecursion, 90, "Bun ran out of stack",
     "the call that repeats"},
    {"V8", "unreachable code", CrashClass::kAssertion, 96,
     "V8 came to code that it holds for unreachable: a bug in V8 or in what embeds it", ""},
    {"V8", "unimplemented code", CrashClass::kAssertion, 96,
     "V8 came to code that was never written", ""},
};

Hypothesis start(const Facts& facts, CrashClass crash_class, std::string sentence) {
  Hypothesis h;
  h.crash_class = crash_class;
  h.sentence = std::move(sentence);
  h.facts_for.push_back(
      fmt::format("{} said: \"{}\"", facts.reported->tool, facts.reported->error));
  return h;
}

void by_words(const Facts& facts, Proposals& out) {
  const ReportedFacts& reported = *facts.reported;
  for (const Meaning& meaning : kMeanings) {
    if (!reported.tool.starts_with(meaning.tool)) continue;
    const bool fits = reported.error.find(meaning.words) != std::string::npos ||
                      reported.summary.find(meaning.words) != std::string::npos;
    if (!fits) continue;
    Hypothesis h = start(facts, meaning.crash_class, std::string(meaning.sentence));
    h.would_confirm = meaning.would_confirm;
    out.push_back({std::move(h), meaning.weight});
    return;
  }
}

// Runtimes that tell a null pointer from other bad ones, or at least the address.
void null_pointer(const Facts& facts, Proposals& out) {
  const std::string& error = facts.reported->error;
  const bool go = error.find("nil pointer dereference") != std::string::npos;
  const bool rust = facts.abort.message.starts_with("null pointer dereference occurred");
  if (!go && !rust) return;
  const uint64_t address = facts.signal.address ? facts.signal.address->value : 0;
  if (go && facts.signal.code == kPrivilegedFault) {
    out.push_back({start(facts, CrashClass::kWildPointer,
                         "a pointer holds no address that the processor accepts: Go calls every "
                         "such fault a nil pointer"),
                   96});
    return;
  }
  if (address >= kNullPages) {
    out.push_back({start(facts, CrashClass::kWildPointer,
                         fmt::format("a pointer leads to {}, where nothing is: unsafe code, cgo "
                                     "or a race made it",
                                     to_hex(*facts.signal.address))),
                   96});
    return;
  }
  Hypothesis h = start(
      facts, address == 0 ? CrashClass::kNullDereference : CrashClass::kNullMemberAccess,
      address == 0
          ? std::string("a null pointer was used")
          : fmt::format("a null pointer was used: {} is {} bytes into what it should point to",
                        to_hex(*facts.signal.address), address));
  h.would_confirm = "the path that leaves it null: who was to set it, and who was to check it";
  out.push_back({std::move(h), 98});
}

// Exceptions that say that the stack ran out.
void recursion(const Facts& facts, Proposals& out) {
  const AbortFacts& abort = facts.abort;
  if (abort.kind != AbortFacts::Kind::kException) return;
  const bool fits = abort.exception_type == "RecursionError" ||
                    abort.exception_type.ends_with("StackOverflowError") ||
                    abort.exception_type == "SystemStackError" ||
                    abort.exception_what.starts_with("Maximum call stack size exceeded");
  if (!fits) return;
  Hypothesis h = start(facts, CrashClass::kStackOverflowRecursion,
                       fmt::format("calls went deeper than {} allows: an endless recursion, most "
                                   "often",
                                   facts.process.language));
  h.would_confirm = "the call that repeats, and what was to end it";
  out.push_back({std::move(h), facts.reported->error == "traceback" ? 75 : 97});
}

// kill() looks like a fault of the program's own.
void sent_signal(const Facts& facts, Proposals& out) {
  const bool sent = facts.signal.code == 0 && facts.reported->error.starts_with("SIG");
  if (facts.reported->tool != "Go runtime" || !sent || facts.signal.name == "SIGQUIT") return;
  Hypothesis h = start(facts, CrashClass::kKilledExternally,
                       fmt::format("{} was sent by kill(): by another process, or by this one to "
                                   "itself",
                                   facts.signal.name));
  h.would_confirm = "who the sender was: a supervisor, the kernel's log";
  out.push_back({std::move(h), 88});
}

// What the JVM printed on the terminal lacks the address; its file has it.
void java_problem(const Facts& facts, Proposals& out) {
  if (facts.reported->tool != "Java VM" || facts.reported->summary.empty()) return;
  if (facts.signal.address || facts.signal.name == "SIGABRT") return;
  Hypothesis h = start(facts, CrashClass::kUnknown,
                       fmt::format("the JVM was stopped in `{}`: which address was refused, this "
                                   "text does not say",
                                   facts.reported->summary));
  h.would_confirm = "the file hs_err_pid<PID>.log that it wrote: give it to `inquest explain`";
  out.push_back({std::move(h), 60});
}

// A fault whose address the processor did not tell.
void unsaid_address(const Facts& facts, Proposals& out) {
  if (facts.reported->tool != "Go runtime" || facts.signal.code != kPrivilegedFault) return;
  out.push_back({start(facts, CrashClass::kWildPointer,
                       "a pointer holds no address that the processor accepts: unsafe code, cgo "
                       "or a race made it"),
                 80});
}

// JavaScript's heap has a limit of its own, whatever memory the machine has.
void javascript_heap(const Facts& facts, Proposals& out) {
  if (facts.abort.kind != AbortFacts::Kind::kOutOfMemory) return;
  const std::string& message = facts.abort.message;
  if (message.find("JavaScript heap") == std::string::npos &&
      message.find("heap limit") == std::string::npos &&
      message.find("JavaScript out of memory") == std::string::npos)
    return;
  Hypothesis h = start(facts, CrashClass::kOutOfMemoryAbort,
                       "JavaScript's heap reached its limit, and collecting garbage freed too "
                       "little");
  for (const Fact& fact : facts.other) {
    if (fact.statement.starts_with("JavaScript's heap")) h.facts_for.push_back(fact.statement);
  }
  h.would_confirm =
      "what fills the heap: run with --heapsnapshot-near-heap-limit=2 and compare the snapshots";
  h.next_command = "node --heapsnapshot-near-heap-limit=2 SCRIPT";
  out.push_back({std::move(h), 98});
}

std::string place_words(const Facts& facts) {
  const auto open = facts.open_frame();
  if (!open || *open >= facts.crashing.frames.size()) return {};
  const FunctionFact& function = facts.crashing.frames[*open].functions[facts.open_function()];
  if (function.file.empty()) return {};
  return fmt::format(" called from {} ({}:{})", function.short_name, function.file, function.line);
}

// faulthandler names the signal and the Python frames, not the address.
void native_code_below(const Facts& facts, Proposals& out) {
  const bool python = facts.reported->tool == "Python";
  const bool fault = facts.signal.name == "SIGSEGV" || facts.signal.name == "SIGBUS";
  if (!python || !fault || facts.fault || facts.crashing.frames.empty()) return;
  const auto& cycle = facts.crashing.cycle;
  if (cycle && cycle->count * cycle->period >= 90) {
    Hypothesis h = start(facts, CrashClass::kStackOverflowRecursion,
                         fmt::format("the stack ran out in a recursion of Python code: the {} "
                                     "innermost calls are the same",
                                     cycle->count * cycle->period));
    h.would_confirm =
        "the recursion limit: sys.setrecursionlimit() was raised, or a native "
        "function takes part in the recursion";
    out.push_back({std::move(h), 88});
    return;
  }
  const std::string& top = facts.crashing.frames.front().functions.front().short_name;
  Hypothesis h = start(facts, CrashClass::kUnknown,
                       fmt::format("native code below `{}`{} used memory it may not: which "
                                   "address, this text does not say",
                                   top, place_words(facts)));
  h.would_confirm =
      "a core of it: run with `ulimit -c unlimited` and give the core to "
      "`inquest explain`";
  out.push_back({std::move(h), 60});
}

// What a debugger printed of the frame that died: an argument that is null.
void null_argument(const Facts& facts, Proposals& out) {
  const std::string& tool = facts.reported->tool;
  if ((tool != "gdb" && tool != "lldb") || facts.signal.name != "SIGSEGV") return;
  if (facts.fault && facts.fault->address) return;
  if (facts.crash_frame >= facts.crashing.frames.size()) return;
  const FrameFact& frame = facts.crashing.frames[facts.crash_frame];
  for (const VariableFact& variable : frame.variables) {
    if (variable.text != "0x0" && variable.text != "0x0000000000000000") continue;
    Hypothesis h = start(facts, CrashClass::kNullDereference,
                         fmt::format("`{}` is null in {}(), and the access there was refused",
                                     variable.name, frame.functions.front().short_name));
    h.expression = variable.name;
    h.facts_against.emplace_back("the refused address is not in the text");
    h.would_confirm = "in gdb: x/i $pc, p $_siginfo._sifields._sigfault.si_addr";
    out.push_back({std::move(h), 70});
    return;
  }
}

void asked_for(const Facts& facts, Proposals& out) {
  if (!facts.reported->error.starts_with("report asked for by")) return;
  out.push_back({start(facts, CrashClass::kNoCrash,
                       "the report was asked for: this is a picture of a process that was alive"),
                 97});
}

}  // namespace

void propose_from_runtime(const Facts& facts, Proposals& out) {
  if (!facts.reported) return;
  by_words(facts, out);
  null_pointer(facts, out);
  unsaid_address(facts, out);
  recursion(facts, out);
  sent_signal(facts, out);
  java_problem(facts, out);
  javascript_heap(facts, out);
  native_code_below(facts, out);
  null_argument(facts, out);
  asked_for(facts, out);
}

}  // namespace inquest::diagnosis
