#include <fmt/format.h>

#include <string_view>

#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

constexpr int kToolIsCertain = 97;  // it watched, and its word is more than any inference

struct ErrorClass {
  std::string_view tool;   // begins with; empty: any
  std::string_view error;  // contains
  CrashClass crash_class;
};

// The first that fits.
constexpr ErrorClass kErrorClasses[] = {
    {"kernel log", "out of memory", CrashClass::kKilledForMemory},
};

}  // namespace

void propose_from_report(const Facts& facts, Proposals& out) {
  if (!facts.reported) return;
  const ReportedFacts& reported = *facts.reported;
  for (const ErrorClass& known : kErrorClasses) {
    if (!reported.tool.starts_with(known.tool)) continue;
    if (reported.error.find(known.error) == std::string::npos) continue;
    Hypothesis h;
    h.crash_class = known.crash_class;
    h.sentence = fmt::format("{} reports: {}", reported.tool, reported.error);
    if (!reported.summary.empty()) h.facts_for.push_back(reported.summary);
    out.push_back({std::move(h), kToolIsCertain});
    return;
  }
}

}  // namespace inquest::diagnosis
