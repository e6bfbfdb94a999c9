// Finding: one thing that a doctor says. Every finding has its reason and, where something is to be
// done, the command that does it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace inquest::doctor {

enum class Weight : uint8_t {
  kGood,     // as it should be
  kNote,     // worth knowing
  kWarning,  // a part of the evidence, or of the service, is at risk
  kProblem,  // evidence is lost, or a crash becomes an outage
};
std::string_view to_string(Weight weight);  // "good", "note", "warning", "problem"

struct Finding {
  std::string id;  // stable, for other programs: "core-limit"
  Weight weight = Weight::kNote;
  std::string what;
  std::string why;
  std::string command;  // empty: nothing to do, or nothing that one command does
};

// What a crash would leave behind, as far as the kernel and the collector go.
struct Prospect {
  enum class Evidence : uint8_t { kNothing, kPart, kAll, kUnknown };
  Evidence evidence = Evidence::kUnknown;
  std::string what;  // one sentence
};
std::string_view to_string(Prospect::Evidence evidence);  // "nothing", "part", "all", "unknown"

struct Examination {
  Prospect prospect;
  std::vector<Finding> findings;  // the gravest first

  bool has_problems() const;
};

}  // namespace inquest::doctor
