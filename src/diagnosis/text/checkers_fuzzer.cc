// The readers of sanitizers', valgrind's and self-checking programs' reports, each from every line
// that could begin one.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "diagnosis/facts/facts_json.h"
#include "diagnosis/text/checker_formats.h"

namespace {

using namespace inquest::diagnosis;

constexpr size_t kMaxLines = 512;

std::vector<TextLine> split(std::string_view text) {
  std::vector<TextLine> lines;
  while (!text.empty() && lines.size() < kMaxLines) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back({.text = text.substr(0, end),
                     .prefix = {},
                     .number = static_cast<uint32_t>(lines.size() + 1)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void check(const StackFacts& stack) {
  for (const FrameFact& frame : stack.frames) INQ_CHECK(!frame.functions.empty());
}

void check(const Facts& facts) {
  check(facts.crashing);
  INQ_CHECK(facts.crashing.frames.empty() || facts.crash_frame < facts.crashing.frames.size());
  if (facts.user_frame) INQ_CHECK(*facts.user_frame < facts.crashing.frames.size());
  if (facts.reported) {
    for (const StackFacts& related : facts.reported->related) check(related);
  }
  const auto back = facts_from_json(to_json(facts));
  INQ_CHECK(back.ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<TextLine> lines = split(text);
  const std::array formats = {&kSanitizer, &kUndefinedBehavior, &kValgrind, &kValgrindXml,
                              &kCentipede, &kFailureSignal,     &kLastWords};
  for (size_t i = 0; i < lines.size(); ++i) {
    for (const Format* format : formats) {
      const bool triggered = std::any_of(
          format->triggers.begin(), format->triggers.end(), [&](std::string_view trigger) {
            return lines[i].text.find(trigger) != std::string_view::npos;
          });
      if (!triggered) continue;
      TextReport report;
      const TextLines rest = TextLines(lines).subspan(i);
      const size_t taken = format->read(rest, report);
      INQ_CHECK(taken <= rest.size());
      if (taken != 0) check(report.facts);
    }
  }
  return 0;
}
