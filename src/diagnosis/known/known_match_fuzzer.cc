// A file of known issues that a user brings, held against a crash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "diagnosis/known/match.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest::diagnosis;
  Facts facts;
  facts.crashing.frames.emplace_back().functions.emplace_back().short_name = "PyFrame_GetBack";
  facts.crashing.frames[0].runtime_frames.push_back(
      {.language = "Python", .function = "_extract_stack", .file = "/s/sentry_sdk/profiler.py"});
  facts.runtimes.push_back({.name = "CPython 3.11.2", .language = "Python", .found_by = {}});
  const auto known =
      inquest::issues::read_known_issues({reinterpret_cast<const char*>(data), size});
  if (!known.ok()) return 0;
  for (const KnownMatch& found : match(*known, facts)) INQ_CHECK(!found.link.empty());
  return 0;
}
