#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

// Does the crashing stack pass through the module that this fact is about?
bool on_crash_path(const Facts& facts, const Fact& fact) {
  return std::any_of(fact.evidence.begin(), fact.evidence.end(), [&](const Evidence& evidence) {
    return std::any_of(facts.modules.begin(), facts.modules.end(), [&](const ModuleFact& module) {
      return module.on_crash_path && evidence.what.find(module.path) != std::string::npos;
    });
  });
}

}  // namespace

void propose_from_modules(const Facts& facts, Proposals& out) {
  for (const Fact& fact : facts.inconsistent_modules) {
    const bool involved = on_crash_path(facts, fact);
    Hypothesis h;
    h.crash_class = CrashClass::kAbiMismatch;
    h.sentence = fmt::format("files do not fit together: {}", fact.statement);
    for (const Evidence& evidence : fact.evidence) h.facts_for.push_back(evidence.what);
    if (!involved) h.facts_against.emplace_back("the crashing stack does not pass through it");
    h.would_confirm =
        "whether the crash stays away when the process runs with one consistent set of files";
    h.next_command = fmt::format("ldd '{}'", executable_of(facts));
    out.push_back({std::move(h), involved ? 70 : 30});
  }
}

}  // namespace inquest::diagnosis
