// The kernel's own crashes: oopses, panics, reports of KASAN and its like.
#include <fmt/format.h>

#include <array>

#include "diagnosis/verdict/checker_words.h"
#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

using Class = CrashClass;
constexpr uint64_t kNullPages = 64 * 1024;
constexpr int kSaw = 97;     // a checker watched it
constexpr int kLikely = 85;  // the processor refused it

struct Meaning {
  std::string_view words;  // contained in the kernel's
  Class crash_class;
  std::string_view sentence;  // "{}": the access
  int weight;
};

// The first that fits is meant.
constexpr std::array<Meaning, 19> kMeanings = {{
    {"use-after-free", Class::kUseAfterFree, "{} uses memory that the kernel had freed", kSaw},
    {"double-free", Class::kDoubleFree, "the kernel freed memory for the second time", kSaw},
    {"invalid-free", Class::kInvalidFree, "the kernel freed an address that is no allocation",
     kSaw},
    {"stack-out-of-bounds", Class::kStackBufferOverflow, "{} leaves a variable on the stack", kSaw},
    {"out-of-bounds", Class::kOutOfBoundsAccess, "{} leaves the object it was meant for", kSaw},
    {"uninit-value", Class::kUninitialisedValue, "a value that was never set is used", kSaw},
    {"KCSAN: data-race", Class::kDataRace,
     "two parts of the kernel use the same memory at the same time, and one of them writes", kSaw},
    {"memory corruption", Class::kHeapCorruption, "memory behind an object was overwritten", kSaw},
    {"wild-memory-access", Class::kWildPointer, "{} goes to an address that is none", kSaw},
    {"divide error", Class::kIntegerDivisionByZero,
     "the divisor is zero, or the quotient too large", kSaw},
    {"stack guard page was hit", Class::kStackOverflowRecursion, "the kernel's stack ran out", 90},
    {"kernel stack overflow", Class::kStackOverflowRecursion, "the kernel's stack ran out", 90},
    {"kernel BUG at", Class::kAssertion, "a check in the kernel (BUG_ON) failed", kSaw},
    {"invalid opcode", Class::kAssertion, "a check in the kernel (BUG_ON) failed", 80},
    {"undefined instruction", Class::kIllegalInstruction,
     "the kernel came to an instruction that the processor does not know", kLikely},
    {"Out of memory", Class::kOutOfMemoryAbort,
     "the kernel had no memory left and nothing to kill for it", kSaw},
    {"Attempted to kill init", Class::kAbort,
     "process 1 ended, and no system goes on without it: look for its own death before this", 90},
    {"general protection", Class::kWildPointer,
     "{} goes to an address that is none: a pointer that is freed, overwritten or never set", 75},
    {"Kernel panic", Class::kAbort, "the kernel gave up on purpose", 70},
}};

std::string filled(std::string_view sentence, const std::string& access) {
  const size_t hole = sentence.find("{}");
  if (hole == std::string_view::npos) return std::string(sentence);
  return std::string(sentence.substr(0, hole)) + access + std::string(sentence.substr(hole + 2));
}

Hypothesis start(const Facts& facts, Class crash_class, std::string sentence) {
  Hypothesis h;
  h.crash_class = crash_class;
  h.sentence = std::move(sentence);
  h.facts_for.push_back("the kernel says: " + facts.reported->error);
  return h;
}

// A refused access at a known address.
void by_address(const Facts& facts, Proposals& out) {
  const ReportedFacts& reported = *facts.reported;
  const bool says_null = reported.error.find("NULL pointer") != std::string::npos ||
                         reported.error.find("null-ptr-deref") != std::string::npos;
  const bool access = says_null || reported.error.find("paging request") != std::string::npos ||
                      reported.error.find("page fault") != std::string::npos ||
                      reported.error.find("Unable to handle") != std::string::npos ||
                      reported.error.find("user-memory-access") != std::string::npos;
  if (!access) return;
  if (says_null || (reported.address && reported.address->value < kNullPages)) {
    const bool offset = reported.address && !reported.address->is_null();
    Hypothesis h = start(facts, offset ? Class::kNullMemberAccess : Class::kNullDereference,
                         fmt::format("{} goes through a null pointer{}", access_words(reported),
                                     offset ? " and an offset" : ""));
    h.would_confirm = "the path that leaves the pointer null";
    out.push_back({std::move(h), 92});
    return;
  }
  const bool user = reported.error.find("user-memory-access") != std::string::npos;
  Hypothesis h = start(facts, Class::kWildPointer,
                       fmt::format("{} goes {}", access_words(reported),
                                   user ? "straight to the memory of a program, which the kernel "
                                          "has to copy from and to with its own functions"
                                        : "to a page that is not there, or may not be used so"));
  h.would_confirm = "what holds the pointer, and who freed or overwrote it";
  out.push_back({std::move(h), 80});
}

}  // namespace

void propose_from_kernel(const Facts& facts, Proposals& out) {
  if (!facts.reported || facts.reported->tool != "the kernel") return;
  const ReportedFacts& reported = *facts.reported;
  by_address(facts, out);
  for (const Meaning& meaning : kMeanings) {
    if (reported.error.find(meaning.words) == std::string::npos) continue;
    std::string sentence = filled(meaning.sentence, access_words(reported));
    if (const AllocationFact* allocation = reported_allocation(facts)) {
      const std::string words = allocation_words(*allocation);
      if (!words.empty()) sentence += ": " + words;
    }
    out.push_back({start(facts, meaning.crash_class, std::move(sentence)), meaning.weight});
    break;
  }
  if (reported.error.starts_with("general protection")) {
    out.push_back({start(facts, Class::kNullDereference,
                         "with KASAN in the kernel an access through a null pointer ends like "
                         "this, too"),
                   46});
  }
}

}  // namespace inquest::diagnosis
