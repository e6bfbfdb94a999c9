// Known issues held against a crash.
#pragma once

#include <string>
#include <vector>

#include "diagnosis/facts/facts.h"
#include "process/issues/known_issues.h"

namespace inquest::diagnosis {

using issues::Party;

// One that fits a crash.
struct KnownMatch {
  std::string id, title;
  Party party = Party::kUnknown;
  std::string link;
  std::vector<std::string> more_links;
  std::string fixed, workaround;
  std::vector<std::string> because;  // "frame_getback is on the stack", a sentence each
  // False: the pattern fits other bugs as well, or asks for versions that the evidence does not
  // tell.
  bool sure = true;
};

// In the order of the file, those that are sure first.
std::vector<KnownMatch> match(const issues::KnownIssues& known, const Facts& facts);

}  // namespace inquest::diagnosis
