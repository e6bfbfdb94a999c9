#include <fmt/format.h>

#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

CrashClass class_of_heap_message(const std::string& message) {
  // "(out)": the block behind would lie outside the heap, so it is the size that is wrong.
  if (contains(message, "double free or corruption (out)")) return CrashClass::kHeapCorruption;
  if (contains(message, "double free")) return CrashClass::kDoubleFree;
  if (contains(message, "invalid pointer") || contains(message, "invalid size") ||
      contains(message, "munmap_chunk()")) {
    // free(): invalid size is what a pointer into the middle of something gives, too.
    return contains(message, "free(): invalid pointer") || contains(message, "munmap_chunk()")
               ? CrashClass::kInvalidFree
               : CrashClass::kHeapCorruption;
  }
  return CrashClass::kHeapCorruption;
}

Hypothesis start(const Facts& facts, CrashClass crash_class, std::string sentence) {
  Hypothesis h;
  h.crash_class = crash_class;
  h.sentence = std::move(sentence);
  if (!facts.abort.message.empty()) {
    h.facts_for.push_back(fmt::format("the process said: \"{}\"", facts.abort.message));
  }
  for (const Evidence& evidence : facts.abort.evidence) h.facts_for.push_back(evidence.what);
  if (facts.abort.argument) {
    h.expression = facts.abort.argument->text;
    if (const auto value = facts.abort.argument->value)
      h.facts_for.push_back(fmt::format("it was given `{}` = {}", h.expression, to_hex(*value)));
  }
  return h;
}

// libgcc's checked arithmetic for -ftrapv: __addvsi3, __mulvdi3, __negvti2 …
const std::string* overflow_helper(const Facts& facts) {
  for (const FrameFact& frame : facts.crashing.frames) {
    for (const FunctionFact& function : frame.functions) {
      const std::string& name = function.short_name;
      for (const std::string_view prefix : {"__addv", "__subv", "__mulv", "__negv", "__absv"}) {
        if (name.size() == prefix.size() + 3 && name.starts_with(prefix) &&
            name[prefix.size() + 1] == 'i') {
          return &name;
        }
      }
    }
  }
  return nullptr;
}

void heap(const Facts& facts, Proposals& out) {
  const AbortFacts& abort = facts.abort;
  const CrashClass crash_class = class_of_heap_message(abort.message);
  const std::string next = fmt::format("valgrind --num-callers=30 {}", executable_of(facts));
  if (crash_class == CrashClass::kDoubleFree) {
    Hypothesis h =
        start(facts, crash_class, "memory was freed twice, and glibc noticed at the second free");
    h.would_confirm = "the stack of the first free()";
    h.next_command = next;
    out.push_back({std::move(h), 94});
    return;
  }
  if (crash_class == CrashClass::kInvalidFree) {
    Hypothesis h =
        start(facts, crash_class, "free() was given a pointer that malloc never returned");
    h.would_confirm = "where the pointer comes from: the argument of free() in the caller";
    h.next_command = next;
    out.push_back({std::move(h), 88});
    out.push_back({start(facts, CrashClass::kHeapCorruption,
                         "the allocator's header in front of the block was overwritten"),
                   58});
    return;
  }
  Hypothesis h = start(facts, crash_class,
                       "the allocator found its own records overwritten: something wrote past (or "
                       "before) a heap block earlier");
  h.facts_against.emplace_back("the place that found it is seldom the place that did it");
  h.would_confirm = "AddressSanitizer stops at the overrun itself";
  h.next_command = next;
  out.push_back({std::move(h), 90});
}

void exception(const Facts& facts, Proposals& out) {
  const AbortFacts& abort = facts.abort;
  std::string sentence = "an exception was caught by nobody";
  if (abort.exception_type.empty() && !abort.exception_what.empty()) {
    sentence = fmt::format("\"{}\" was thrown and caught by nobody", abort.exception_what);
  } else if (!abort.exception_type.empty()) {
    sentence = fmt::format("`{}` was thrown and caught by nobody", abort.exception_type);
    if (!abort.exception_what.empty()) sentence += fmt::format(": \"{}\"", abort.exception_what);
  }
  const bool memory = abort.exception_type == "std::bad_alloc" ||
                      abort.exception_type == "std::bad_array_new_length";
  Hypothesis h = start(facts, CrashClass::kUncaughtException, sentence);
  const std::string& language = facts.process.language;
  const bool native = language != "Python" && language != "JavaScript" && language != "Java" &&
                      language != "Ruby" && language != "PHP" && language != "C#";
  if (native) {
    h.would_confirm =
        "the throw: frames between std::terminate and your code show it when nothing was unwound";
    h.next_command = fmt::format("gdb -ex 'catch throw' -ex run {}", executable_of(facts));
  }
  // A logger writes tracebacks of exceptions that were dealt with, too.
  const bool logged =
      facts.reported && facts.reported->error == "traceback" && facts.signal.number == 0;
  if (logged) {
    h.facts_against.emplace_back(
        "the text does not say that the process ended: a logger may have "
        "written this");
    h.would_confirm = "whether the process ended at this time: its exit code, its supervisor's log";
  }
  out.push_back({h, logged ? 74 : memory ? 90 : 95});
  if (memory) {
    Hypothesis oom =
        start(facts, CrashClass::kOutOfMemoryAbort, "an allocation failed: " + sentence);
    oom.would_confirm = "the size that was asked for, and the limits of the process";
    out.push_back({std::move(oom), 96});
  }
}

}  // namespace

void propose_from_abort(const Facts& facts, Proposals& out) {
  const AbortFacts& abort = facts.abort;
  switch (abort.kind) {
    case AbortFacts::Kind::kNone:
      return;
    case AbortFacts::Kind::kAssertion: {
      Hypothesis h = start(facts, CrashClass::kAssertion,
                           abort.condition.empty()
                               ? std::string("an assertion failed")
                               : fmt::format("the assertion `{}` failed", abort.condition));
      h.expression = abort.condition;
      h.would_confirm = "the values in the condition";
      h.next_command = explain_command(facts, "--full");
      out.push_back({std::move(h), 98});
      return;
    }
    case AbortFacts::Kind::kGlibcHeap:
      heap(facts, out);
      return;
    case AbortFacts::Kind::kStackSmashing: {
      Hypothesis h = start(facts, CrashClass::kStackBufferOverflow,
                           "a buffer on the stack was overrun: the canary behind the locals of the "
                           "function that was about to return is overwritten");
      h.next_command = "rebuild with -fsanitize=address and run the same input";
      out.push_back({std::move(h), 97});
      return;
    }
    case AbortFacts::Kind::kFortify:
      out.push_back(
          {start(facts, CrashClass::kBufferOverflowFortify,
                 "a checked libc function refused to write past the end of a buffer whose "
                 "size the compiler knew"),
           97});
      return;
    case AbortFacts::Kind::kException:
      exception(facts, out);
      return;
    case AbortFacts::Kind::kTerminate:
      out.push_back({start(facts, CrashClass::kAbort,
                           "std::terminate was called without an exception in flight: a joinable "
                           "std::thread destroyed or assigned over, or a noexcept promise broken"),
                     76});
      out.push_back({start(facts, CrashClass::kUncaughtException,
                           "an exception that can no longer be read was caught by nobody"),
                     60});
      return;
    case AbortFacts::Kind::kPureVirtual: {
      Hypothesis h = start(facts, CrashClass::kPureVirtualCall,
                           "a pure virtual function was called: on an object under construction, "
                           "under destruction, or already destroyed");
      h.would_confirm = "whether a constructor or destructor of the object is on the stack";
      out.push_back({std::move(h), 96});
      return;
    }
    case AbortFacts::Kind::kPanic: {
      const std::string& language = facts.process.language;
      const bool other =
          facts.reported && (language == "Go" || !facts.reported->tool.starts_with("Rust"));
      std::string sentence =
          fmt::format("a {} panic ended the process", !other             ? "Rust"
                                                      : language == "Go" ? "Go"
                                                                         : facts.reported->tool);
      if (!abort.message.empty()) sentence += fmt::format(": \"{}\"", abort.message);
      if (!abort.file.empty()) sentence += fmt::format(" at {}:{}", abort.file, abort.line);
      // Go panics for faults too; then the fault says more.
      const bool fault = facts.reported && abort.message.starts_with("runtime error: ");
      out.push_back({start(facts, CrashClass::kPanic, std::move(sentence)), fault ? 60 : 96});
      return;
    }
    case AbortFacts::Kind::kOutOfMemory: {
      Hypothesis h = start(facts, CrashClass::kOutOfMemoryAbort,
                           "an allocation failed and the program gave up");
      h.would_confirm = "the size that was asked for, and the limits of the process";
      out.push_back({std::move(h), 95});
      return;
    }
    case AbortFacts::Kind::kSanitizer:
      out.push_back(
          {start(facts, CrashClass::kAbort, "a sanitizer ended the process after its report"), 80});
      return;
    case AbortFacts::Kind::kAbortCall:
    case AbortFacts::Kind::kRaise:
    case AbortFacts::Kind::kOther: {
      if (const std::string* helper = overflow_helper(facts)) {
        out.push_back({start(facts, CrashClass::kIntegerOverflowTrap,
                             fmt::format("a signed integer overflowed: {}() checks arithmetic for "
                                         "-ftrapv and aborts",
                                         *helper)),
                       96});
        return;
      }
      std::string sentence = fmt::format("the program sent itself {}", facts.signal.name);
      if (facts.signal.name == "SIGABRT") sentence = "the program called abort() itself";
      if (facts.signal.name.empty()) sentence = "the program ended itself";
      if (facts.reported && abort.kind == AbortFacts::Kind::kOther && !abort.message.empty())
        sentence = fmt::format("{} ended the program: \"{}\"", facts.reported->tool, abort.message);
      Hypothesis h = start(facts, CrashClass::kAbort, std::move(sentence));
      h.would_confirm = "the condition around the call, in the frame shown";
      out.push_back({std::move(h), 88});
      return;
    }
  }
}

}  // namespace inquest::diagnosis
