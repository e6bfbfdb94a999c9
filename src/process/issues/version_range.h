// Which versions of something a statement is about.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace inquest::issues {

// Negative, 0 or positive, as a is older, the same or newer. Numbers are compared as numbers, part
// by part ("3.9" < "3.11", "1.0" = "1"); what follows a number, as in "2rc1" or "12+deb12u1",
// counts only between equal numbers: "rc", "a", "b", "dev", "alpha", "beta" and "-" before nothing,
// others after. An epoch ("1:2.0") is passed over.
int compare_versions(std::string_view a, std::string_view b);

// ">=3.11 <3.12", alternatives with "||" between them. Each comparison is one of < <= > >= = and a
// version. Empty: all versions.
class VersionRange {
 public:
  static Result<VersionRange> parse(std::string_view text);

  bool contains(std::string_view version) const;
  bool is_all() const { return alternatives_.empty(); }
  const std::string& text() const { return text_; }

 private:
  struct Bound {
    std::string operation, version;
  };
  std::string text_;
  std::vector<std::vector<Bound>> alternatives_;
};

}  // namespace inquest::issues
