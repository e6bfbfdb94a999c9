// Where the bad value came from, and who is to blame.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "diagnosis/report/document.h"

namespace inquest::diagnosis {
namespace {

std::string place_of(const BlameFact& blamed) {
  const std::string file = blamed.file.substr(blamed.file.rfind('/') + 1);
  if (!file.empty() && blamed.line != 0) return fmt::format("{}:{}", file, blamed.line);
  const std::string module = blamed.module.substr(blamed.module.rfind('/') + 1);
  return fmt::format("{}+{}", module.empty() ? "code" : module, to_hex(blamed.module_offset));
}

std::string name_of(const BlameFact& blamed) {
  return blamed.function.empty() ? place_of(blamed)
                                 : fmt::format("{}() at {}", blamed.function, place_of(blamed));
}

bool is_certain_enough(const OriginStep& step) { return step.trust != "heuristic"; }

}  // namespace

Field compose_origin_line(const OriginFacts& origin) {
  Field field{.label = "from", .paragraphs = {}, .code = {}};
  // The farthest back that is certain; what lies between is told below.
  for (const OriginStep& step : origin.steps) {
    if (is_certain_enough(step) && step.kind != OriginStep::Kind::kLost)
      field.paragraphs = {step.statement};
  }
  return field;
}

Section compose_origin(const OriginFacts& origin) {
  Section section{
      .heading = "Where the value came from", .paragraphs = {}, .frames = {}, .items = {}};
  if (origin.steps.empty()) return section;
  for (const OriginStep& step : origin.steps) {
    const bool likely = !is_certain_enough(step);
    section.items.push_back(likely ? "perhaps: " + step.statement : step.statement);
  }
  for (size_t i = 0; i < origin.blamed.size(); ++i) {
    const BlameFact& blamed = origin.blamed[i];
    section.items.push_back(fmt::format("{} {} ({} %): {}", i == 0 ? "look at" : "or at",
                                        name_of(blamed), blamed.confidence, blamed.why));
  }
  return section;
}

}  // namespace inquest::diagnosis
