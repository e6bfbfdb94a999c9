// examine(): from facts to findings. Pure: no I/O.
#pragma once

#include <optional>

#include "capture/doctor/finding.h"
#include "capture/doctor/host.h"
#include "capture/doctor/js_traps.h"
#include "capture/doctor/target.h"
#include "capture/doctor/unit.h"

namespace inquest::doctor {

struct Facts {
  Host host;
  std::optional<Target> target;  // nullopt: the host alone
  std::optional<Unit> unit;
  std::optional<Space> space;  // where cores would be written
  std::vector<JsTrap> js_traps;
  bool debuginfod = false;  // servers are named in DEBUGINFOD_URLS
};

Examination examine(const Facts& facts);

// Where the core of `target` would be written, for Facts::space; empty when that cannot be told.
std::string core_directory(const Host& host, const Target* target);

// The parts of examine(), each about one thing.
void examine_core(const Facts& facts, Examination& out);
void examine_collector(const Facts& facts, Examination& out);
void examine_access(const Facts& facts, Examination& out);
void examine_container(const Facts& facts, Examination& out);
void examine_restart(const Facts& facts, Examination& out);
void examine_modules(const Facts& facts, Examination& out);
void examine_runtime(const Facts& facts, Examination& out);

// "4.0 GiB", for people.
std::string size_text(uint64_t bytes);

}  // namespace inquest::doctor
