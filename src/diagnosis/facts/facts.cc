#include "diagnosis/facts/facts.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::diagnosis {

std::string_view to_string(AddressTrait trait) {
  switch (trait) {
    case AddressTrait::kNull:
      return "null";
    case AddressTrait::kNearNull:
      return "near-null";
    case AddressTrait::kNonCanonical:
      return "non-canonical";
    case AddressTrait::kKernelHalf:
      return "kernel-half";
    case AddressTrait::kMisaligned:
      return "misaligned";
    case AddressTrait::kUnmapped:
      return "unmapped";
    case AddressTrait::kGuardPage:
      return "guard-page";
    case AddressTrait::kJustPastMapping:
      return "just-past-mapping";
    case AddressTrait::kJustBeforeMapping:
      return "just-before-mapping";
    case AddressTrait::kReadOnlyMapping:
      return "read-only-mapping";
    case AddressTrait::kNoExecuteMapping:
      return "no-execute-mapping";
    case AddressTrait::kNoAccessMapping:
      return "no-access-mapping";
    case AddressTrait::kBeyondEndOfFile:
      return "beyond-end-of-file";
    case AddressTrait::kInStackOfOtherThread:
      return "in-stack-of-other-thread";
    case AddressTrait::kInOwnStack:
      return "in-own-stack";
    case AddressTrait::kBelowStackPointer:
      return "below-stack-pointer";
    case AddressTrait::kInHeap:
      return "in-heap";
    case AddressTrait::kInModule:
      return "in-module";
    case AddressTrait::kText:
      return "text";
    case AddressTrait::kUtf16Text:
      return "utf16-text";
    case AddressTrait::kPoison:
      return "poison";
    case AddressTrait::kFreedTcacheLink:
      return "freed-tcache-link";
    case AddressTrait::kSmallInteger:
      return "small-integer";
    case AddressTrait::kTruncatedPointer:
      return "truncated-pointer";
    case AddressTrait::kBitFlip:
      return "bit-flip";
  }
  return "unknown";
}

std::string_view to_string(AbortFacts::Kind kind) {
  switch (kind) {
    case AbortFacts::Kind::kNone:
      return "none";
    case AbortFacts::Kind::kAssertion:
      return "assertion";
    case AbortFacts::Kind::kGlibcHeap:
      return "glibc-heap";
    case AbortFacts::Kind::kStackSmashing:
      return "stack-smashing";
    case AbortFacts::Kind::kFortify:
      return "fortify";
    case AbortFacts::Kind::kException:
      return "exception";
    case AbortFacts::Kind::kPureVirtual:
      return "pure-virtual";
    case AbortFacts::Kind::kPanic:
      return "panic";
    case AbortFacts::Kind::kOutOfMemory:
      return "out-of-memory";
    case AbortFacts::Kind::kTerminate:
      return "terminate";
    case AbortFacts::Kind::kSanitizer:
      return "sanitizer";
    case AbortFacts::Kind::kAbortCall:
      return "abort-call";
    case AbortFacts::Kind::kRaise:
      return "raise";
    case AbortFacts::Kind::kOther:
      return "other";
  }
  return "unknown";
}

std::string_view to_string(CodeRole role) {
  switch (role) {
    case CodeRole::kUser:
      return "user";
    case CodeRole::kLibrary:
      return "library";
    case CodeRole::kLanguage:
      return "language";
    case CodeRole::kAbort:
      return "abort";
    case CodeRole::kStart:
      return "start";
    case CodeRole::kSignal:
      return "signal";
    case CodeRole::kUnknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view to_string(AccessKind kind) {
  switch (kind) {
    case AccessKind::kNone:
      return "none";
    case AccessKind::kRead:
      return "read";
    case AccessKind::kWrite:
      return "write";
    case AccessKind::kReadWrite:
      return "read-write";
    case AccessKind::kExecute:
      return "execute";
  }
  return "unknown";
}

std::string_view to_string(Evidence::Kind kind) {
  switch (kind) {
    case Evidence::Kind::kRegister:
      return "register";
    case Evidence::Kind::kMemory:
      return "memory";
    case Evidence::Kind::kInstruction:
      return "instruction";
    case Evidence::Kind::kFrame:
      return "frame";
    case Evidence::Kind::kMapping:
      return "mapping";
    case Evidence::Kind::kModule:
      return "module";
    case Evidence::Kind::kSignal:
      return "signal";
    case Evidence::Kind::kText:
      return "text";
  }
  return "unknown";
}

bool AddressFacts::has(AddressTrait trait) const {
  return std::find(traits.begin(), traits.end(), trait) != traits.end();
}

std::string_view to_string(AllocationFact::State state) {
  switch (state) {
    case AllocationFact::State::kUnknown:
      return "unknown";
    case AllocationFact::State::kLive:
      return "live";
    case AllocationFact::State::kFreed:
      return "freed";
  }
  return "";
}

std::string_view to_string(OriginStep::Kind kind) {
  switch (kind) {
    case OriginStep::Kind::kRegister:
      return "register";
    case OriginStep::Kind::kLoad:
      return "load";
    case OriginStep::Kind::kArgument:
      return "argument";
    case OriginStep::Kind::kReturn:
      return "return";
    case OriginStep::Kind::kConstant:
      return "constant";
    case OriginStep::Kind::kStore:
      return "store";
    case OriginStep::Kind::kLost:
      return "lost";
  }
  return "";
}

std::string package_words(const PackageFact& package) {
  std::string text;
  if (package.manager == "npm") {
    text = package.is_program ? "the program's own package " : "npm package ";
  } else if (package.manager == "python") {
    text = "Python package ";
  } else if (package.manager == "debian") {
    text = "Debian package ";
  } else if (package.manager == "cargo") {
    text = "crate ";
  } else if (package.manager == "rust") {
    text = "Rust's library ";
  }
  text += package.name;
  if (!package.version.empty()) return text + " " + package.version;
  if (!package.installed.empty())
    return fmt::format("{} ({} is installed now; what ran may be another)", text,
                       package.installed);
  return text;
}

const RuntimeFrameFact* innermost_script(const StackFacts& stack) {
  for (const FrameFact& frame : stack.frames)
    if (!frame.runtime_frames.empty()) return &frame.runtime_frames.front();
  return stack.runtime && !stack.runtime->apart.empty() ? &stack.runtime->apart.front() : nullptr;
}

}  // namespace inquest::diagnosis
