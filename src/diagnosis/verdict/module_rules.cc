#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

std::string_view directory_of(std::string_view path) { return path.substr(0, path.rfind('/')); }

// A value that is no pointer, as data of another layout would give. A null pointer is not: it has
// better explanations.
bool died_of_garbage(const Facts& facts) {
  if (!facts.fault) return false;
  const auto& operand = facts.fault->operand;
  if (operand && operand->bad_value) return *operand->bad_value >= 65536;
  return facts.fault->pc_is_bad && facts.fault->pc.value >= 65536;
}

Hypothesis start(const Facts& facts, const Fact& fact) {
  Hypothesis h;
  h.crash_class = CrashClass::kAbiMismatch;
  h.sentence = "files do not fit together: " + fact.statement;
  if (facts.fault) h.expression = expression_of(*facts.fault);
  for (const Evidence& evidence : fact.evidence) h.facts_for.push_back(evidence.what);
  h.would_confirm =
      "whether the crash stays away when the process runs with one consistent set of files";
  return h;
}

// Two copies of one library in one process: symbols of one are bound where the other's were meant.
int weight_of_two_versions(const Facts& facts) { return died_of_garbage(facts) ? 84 : 40; }

// A file was replaced under a running process. That alone is the state of every host after an
// upgrade; it matters when the crash is in code that was installed beside it.
int weight_of_replaced(const Facts& facts, const ModuleFact& replaced) {
  const bool beside =
      std::any_of(facts.modules.begin(), facts.modules.end(), [&](const ModuleFact& module) {
        return module.on_crash_path && directory_of(module.path) == directory_of(replaced.path);
      });
  if (!died_of_garbage(facts)) return 30;
  return beside ? 74 : 44;
}

const ModuleFact* replaced_module(const Facts& facts, const Fact& fact) {
  for (const ModuleFact& module : facts.modules) {
    if (module.status != "mismatch") continue;
    if (std::any_of(fact.evidence.begin(), fact.evidence.end(),
                    [&](const Evidence& e) { return e.address == module.start; })) {
      return &module;
    }
  }
  return nullptr;
}

}  // namespace

void propose_from_modules(const Facts& facts, Proposals& out) {
  for (const Fact& fact : facts.inconsistent_modules) {
    const ModuleFact* replaced = replaced_module(facts, fact);
    Hypothesis h = start(facts, fact);
    if (replaced != nullptr) {
      h.next_command = fmt::format("dpkg -S '{}'", replaced->path);
      out.push_back({std::move(h), weight_of_replaced(facts, *replaced)});
    } else {
      h.next_command = fmt::format("ldd {}", executable_of(facts));
      out.push_back({std::move(h), weight_of_two_versions(facts)});
    }
  }
}

}  // namespace inquest::diagnosis
