// Reports to hand to somebody else: to the maintainers of what crashed, or to whoever is on call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "diagnosis/report/report.h"

namespace inquest::diagnosis {

// What is known of a crash beside its evidence; empty or nullopt: not known.
struct Circumstances {
  std::string case_id, time, host, unit, container, uptime;
  uint64_t times_seen = 0;  // crashes with this signature that are kept, this one among them
  std::string input;        // what commands are to be given to look closer
};

// What maintainers ask for, in Markdown: versions, platform, the stack down to the program's own
// code, what the evidence shows, and how to reproduce it as far as that is known. Made of what is
// known to be code or a version, and nothing that was data of the process: no host, user, home,
// environment, arguments, values, and no words that it left.
std::string render_upstream(const Report& report);

// What whoever is on call needs, in Markdown: what happened where, whose it is, what to do now, and
// how to look closer. Paths, host and unit are in it; arguments, environment and data are not.
std::string render_ticket(const Report& report, const Circumstances& circumstances);

// `path` without what tells of the machine that it is on: of an installed file from its package on
// ("sentry_sdk/profiler.py"), of others the name alone.
std::string shorten_path(std::string_view path);

}  // namespace inquest::diagnosis
