// What the errors of checking tools mean, by their names. Internal to verdict.
#pragma once

#include <span>
#include <string_view>

#include "diagnosis/verdict/verdict.h"

namespace inquest::diagnosis {

inline constexpr int kToolSaw = 99;     // the tool saw the error itself
inline constexpr int kToolLikely = 85;  // what the tool saw has this meaning nearly always

// An error by a part of its name, what it means, and what would settle the rest.
struct ErrorMeaning {
  std::string_view error;
  CrashClass crash_class;
  std::string_view sentence;  // "{}" is the access
  std::string_view settle;
  int weight = kToolSaw;
};

// The first that fits is meant.
std::span<const ErrorMeaning>
address_meanings();  // AddressSanitizer, HWAddressSanitizer, MemorySanitizer
std::span<const ErrorMeaning> thread_meanings();     // ThreadSanitizer
std::span<const ErrorMeaning> undefined_meanings();  // UndefinedBehaviorSanitizer
std::span<const ErrorMeaning> valgrind_meanings();   // memcheck, helgrind, DRD

}  // namespace inquest::diagnosis
