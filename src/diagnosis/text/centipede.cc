// Centipede's runner: "========= Per-input timeout exceeded: 6 > 5 (sec); exiting", and the stack
// of the abort behind it, when there is one.
#include <array>
#include <string>

#include "diagnosis/text/checker_formats.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/last_words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::array<std::string_view, 1> kTriggers = {"========= "};

struct Limit {
  std::string_view words, error;
};
constexpr std::array<Limit, 5> kLimits = {{
    {"Per-input timeout exceeded", "timeout"},
    {"Per-batch timeout exceeded", "timeout"},
    {"Timeout of ", "timeout"},
    {"RSS limit exceeded", "out-of-memory"},
    {"Stack limit exceeded", "stack-overflow"},
}};

size_t read(TextLines lines, TextReport& report) {
  const std::string_view line = trim(lines[0].text);
  const size_t mark = line.find("========= ");
  if (mark == std::string_view::npos) return 0;
  const std::string_view words = line.substr(mark + 10);
  for (const Limit& limit : kLimits) {
    if (!words.starts_with(limit.words) || words.find("exceeded") == std::string_view::npos)
      continue;
    Facts& facts = report.facts;
    ReportedFacts& reported = facts.reported.emplace();
    reported.tool = "Centipede";
    reported.error = std::string(limit.error) + ": " + std::string(words);
    reported.excerpt.emplace_back(line);
    facts.process.producer = reported.tool;
    const size_t death = take_death(lines.subspan(1), facts);
    if (facts.signal.number != 0) facts.abort.kind = AbortFacts::Kind::kAbortCall;
    complete_facts(facts);
    return 1 + death;
  }
  return 0;
}

}  // namespace

const Format kCentipede = {.name = "centipede", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
