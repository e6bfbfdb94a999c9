#include "diagnosis/verdict/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "diagnosis/verdict/place.h"
#include "diagnosis/verdict/rules.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxHypotheses = 4;
constexpr int kCertain = 95;
// What is so much less likely than a certain explanation is noise, not an alternative.
constexpr int kNoise = 65;

Confidence confidence_of(int weight) {
  if (weight >= kCertain) return Confidence::kCertain;
  if (weight >= 75) return Confidence::kHigh;
  if (weight >= 45) return Confidence::kMedium;
  return Confidence::kLow;
}

Proposal unknown(const Facts& facts) {
  Hypothesis h;
  h.crash_class = CrashClass::kUnknown;
  h.sentence = fmt::format("why the process died of {} cannot be told from this evidence",
                           facts.signal.name.empty() ? "its signal" : facts.signal.name);
  for (const Fact& missing : facts.missing)
    h.facts_against.push_back("missing: " + missing.statement);
  for (const std::string& advice : facts.advice) {
    if (h.would_confirm.empty()) h.would_confirm = advice;
  }
  h.next_command = explain_command(facts, "--full");
  return {std::move(h), 20};
}

// The best proposal of each class, best first.
Proposals ranked(Proposals proposals) {
  std::stable_sort(proposals.begin(), proposals.end(),
                   [](const Proposal& a, const Proposal& b) { return a.weight > b.weight; });
  Proposals kept;
  for (Proposal& proposal : proposals) {
    const bool seen = std::any_of(kept.begin(), kept.end(), [&](const Proposal& k) {
      return k.hypothesis.crash_class == proposal.hypothesis.crash_class;
    });
    const bool noise = !kept.empty() && kept.front().weight >= kCertain && proposal.weight < kNoise;
    if (!seen && !noise && kept.size() < kMaxHypotheses) kept.push_back(std::move(proposal));
  }
  return kept;
}

std::string headline(const Facts& facts, const Hypothesis& best,
                     const std::optional<BlamedPlace>& place) {
  std::string who =
      facts.process.command.empty() ? facts.process.executable : facts.process.command;
  if (who.empty()) who = "a process";
  std::string text = who;
  if (facts.process.pid != 0) text += fmt::format(" (pid {})", facts.process.pid);
  if (best.crash_class == CrashClass::kNoCrash) return text + " was alive when this was taken";
  if (!facts.signal.name.empty()) text += fmt::format(" died of {}", facts.signal.name);
  if (best.crash_class == CrashClass::kUnknown) {
    text += ", of an unknown cause";
  } else {
    text += fmt::format(": {}", title(best.crash_class));
  }
  if (place && !place->function.empty()) {
    text += fmt::format(" in {}()", place->function);
    if (!place->file.empty() && place->line != 0)
      text += fmt::format(" at {}:{}", place->file, place->line);
  }
  return text;
}

std::string as_sentence(std::string text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (text.find('/') > text.find(' ')) text.front() = static_cast<char>(std::toupper(first));
  return text.ends_with('.') ? text : text + ".";
}

// The function that more speaks against than against the one that crashed.
const BlameFact* blamed_elsewhere(const Facts& facts, const std::optional<BlamedPlace>& place) {
  if (facts.origin.blamed.empty() || facts.origin.steps.empty()) return nullptr;
  const BlameFact& first = facts.origin.blamed.front();
  if (first.function.empty() || first.file.empty() || first.line == 0) return nullptr;
  if (place && place->function == first.function) return nullptr;
  return &first;
}

// The program's own code in a language that a run time executes.
std::optional<std::string> runtime_place(const Facts& facts) {
  const auto& frame = facts.user_runtime_frame;
  if (!frame || frame->file.empty() || frame->line == 0) return std::nullopt;
  const std::string name = frame->function.empty() ? "" : fmt::format(" ({})", frame->function);
  return fmt::format("{}:{}{}", frame->file, frame->line, name);
}

// Whoever has met it before knows more than the evidence of one crash.
std::vector<std::string> known_steps(const std::vector<KnownMatch>& known) {
  std::vector<std::string> steps;
  for (const KnownMatch& issue : known) {
    std::string step =
        fmt::format("{} {}", issue.sure ? "Known issue:" : "Perhaps a known issue:", issue.link);
    if (!issue.fixed.empty()) step += fmt::format("; fixed: {}", issue.fixed);
    if (!issue.workaround.empty()) step += fmt::format("; until then: {}", issue.workaround);
    steps.push_back(std::move(step));
  }
  return steps;
}

std::vector<std::string> next_steps(const Facts& facts, const Hypothesis& best,
                                    const std::optional<BlamedPlace>& place) {
  std::vector<std::string> steps;
  const auto in_runtime = runtime_place(facts);
  // Where no native code is the program's own, its code in the other language comes first.
  const bool is_place = facts.abort.by_script;
  if (in_runtime && !facts.user_frame && !is_place)
    steps.push_back(fmt::format("Open {}: the {} code that led there.", *in_runtime,
                                facts.user_runtime_frame->language));
  if (place && !place->file.empty() && place->line != 0) {
    const std::string name = place->function.empty() ? "" : fmt::format(" ({})", place->function);
    steps.push_back(fmt::format("Open {}:{}{}.", place->file, place->line, name));
  } else if (place && !place->function.empty()) {
    const std::string module = place->module.empty() ? "" : " in " + place->module;
    steps.push_back(fmt::format("Look at {}(){}.", place->function, module));
  }
  if (in_runtime && facts.user_frame && !is_place)
    steps.push_back(fmt::format("Look at {}: the {} code that led there.", *in_runtime,
                                facts.user_runtime_frame->language));
  if (const BlameFact* blamed = blamed_elsewhere(facts, place)) {
    steps.push_back(fmt::format("Then look at {}() at {}:{}: it {}.", blamed->function,
                                blamed->file, blamed->line, blamed->why));
  }
  if (!best.would_confirm.empty())
    steps.push_back(fmt::format("Settle it: {}.", best.would_confirm));
  if (!best.next_command.empty()) steps.push_back(fmt::format("Run: {}", best.next_command));
  for (const std::string& advice : facts.advice) {
    if (advice.empty()) continue;
    const std::string step = as_sentence(advice);
    if (std::find(steps.begin(), steps.end(), step) == steps.end()) steps.push_back(step);
  }
  return steps;
}

}  // namespace

Verdict judge(const Facts& facts, std::vector<KnownMatch> known) {
  Proposals proposals;
  propose_from_stack(facts, proposals);
  propose_from_abort(facts, proposals);
  propose_from_control(facts, proposals);
  propose_from_memory(facts, proposals);
  propose_from_signal(facts, proposals);
  propose_from_report(facts, proposals);
  propose_from_log(facts, proposals);
  propose_from_checkers(facts, proposals);
  propose_from_runtime(facts, proposals);
  propose_from_kernel(facts, proposals);
  propose_from_modules(facts, proposals);
  propose_from_heap(facts, proposals);
  if (std::none_of(proposals.begin(), proposals.end(),
                   [](const Proposal& p) { return p.weight > 35; })) {
    proposals.push_back(unknown(facts));
    proposals.back().weight = 36;
  }

  Verdict verdict;
  for (Proposal& proposal : ranked(std::move(proposals))) {
    proposal.hypothesis.confidence = confidence_of(proposal.weight);
    verdict.hypotheses.push_back(std::move(proposal.hypothesis));
  }
  verdict.place = blamed_place(facts);
  verdict.blame = find_blame(facts, known);
  verdict.known_issues = std::move(known);
  verdict.headline = headline(facts, verdict.hypotheses.front(), verdict.place);
  verdict.next_steps = known_steps(verdict.known_issues);
  for (std::string& step : next_steps(facts, verdict.hypotheses.front(), verdict.place))
    verdict.next_steps.push_back(std::move(step));
  for (const Fact& missing : facts.missing) verdict.limits.push_back(missing.statement);
  return verdict;
}

}  // namespace inquest::diagnosis
