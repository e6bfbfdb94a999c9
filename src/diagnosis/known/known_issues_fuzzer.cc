// A file of known issues that a user brings, held against a crash; and ranges of versions.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "diagnosis/known/known_issues.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest::diagnosis;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Facts facts;
  facts.crashing.frames.emplace_back().functions.emplace_back().short_name = "PyFrame_GetBack";
  facts.crashing.frames[0].runtime_frames.push_back(
      {.language = "Python", .function = "_extract_stack", .file = "/s/sentry_sdk/profiler.py"});
  facts.runtimes.push_back({.name = "CPython 3.11.2", .language = "Python", .found_by = {}});
  if (auto known = read_known_issues(text); known.ok()) {
    for (const KnownMatch& found : match(*known, facts)) INQ_CHECK(!found.link.empty());
    KnownIssues twice = *known;
    twice.add(std::move(*known));
  }
  const size_t half = size / 2;
  const std::string_view a = text.substr(0, half), b = text.substr(half);
  INQ_CHECK((compare_versions(a, b) < 0) == (compare_versions(b, a) > 0));
  static_cast<void>(fits(a, b));
  if (const auto range = VersionRange::parse(a); range.ok()) static_cast<void>(range->contains(b));
  return 0;
}
