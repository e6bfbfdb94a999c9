// join_deaths(): one death that is told several times is one report.
//
// A process that dies leaves its own words, a line of the kernel, systemd-coredump's message, and a
// line each of its supervisors. All of them tell of the same process id, or stand close together in
// what one writer wrote. The most telling is kept; what the others add goes into its facts.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "diagnosis/text/format.h"

namespace inquest::diagnosis {

// Who wrote a line, as far as the logger's name for it says: "host app[71]:".
struct WriterName {
  std::string_view program;
  int32_t pid = 0;
};
WriterName parse_writer(std::string_view writer);  // pid 0: it names none

// `reports` by first_line; so is the result. Linear in their number.
std::vector<TextReport> join_deaths(std::vector<TextReport> reports);

}  // namespace inquest::diagnosis
