// What reports for others are made of. Internal to this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "diagnosis/report/report.h"

namespace inquest::diagnosis {

// Takes out of sentences what was data of the process: texts in its memory, its arguments, words
// that it left (but those of the C library, which are always the same), homes of users.
class Redactor {
 public:
  explicit Redactor(const Facts& facts);
  std::string operator()(std::string text) const;

 private:
  std::vector<std::string> secrets_;  // longest first
};

// Of facts that are code, versions or kinds of fault; see render_upstream().
std::string public_headline(const Report& report);
std::vector<std::string> public_findings(const Report& report);
std::vector<std::string> versions(const Facts& facts);
std::vector<std::string> public_stack(const Facts& facts);
std::vector<std::string> how_to_reproduce(const Report& report);
std::vector<std::string> public_limits(const Report& report);

// The innermost frames with their paths.
std::vector<std::string> short_stack(const Facts& facts);

}  // namespace inquest::diagnosis
