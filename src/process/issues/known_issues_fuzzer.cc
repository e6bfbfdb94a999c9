// A file of known issues that a user brings, held against what is installed; ranges of versions.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "process/issues/affected.h"
#include "process/issues/names.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace inquest::issues;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Installation installation{.run_time = "node",
                                  .run_time_version = "18.20.8",
                                  .packages = {{"npm", "secp256k1", "4.0.3"},
                                               {"python", "sentry-sdk", "1.2"},
                                               {"npm", "x", ""}},
                                  .files = {"node", "ld-musl-x86_64.so.1", "libssl.so.3"}};
  if (auto known = read_known_issues(text); known.ok()) {
    for (const Affected& found : affected(*known, installation)) {
      INQ_CHECK(!found.issue->link.empty());
      INQ_CHECK(!found.package || *found.package < installation.packages.size());
    }
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
