// What `inquest drill` prints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace inquest::cli {

struct DrillResult {
  std::string name;  // stable: "preload"
  std::string what;
  bool ran = false;        // the canary died
  bool skipped = false;    // cannot be tried here, or only by you: `why`
  bool captured = false;   // there is evidence
  bool explained = false;  // the verdict is the right one
  std::string fidelity, verdict;
  std::string why;      // of what went wrong, or was skipped
  double total_ms = 0;  // from the fault to the record, or to the next start; 0: not measured
  uint64_t stored = 0;  // bytes
  std::vector<std::string> missing;

  bool is_good() const { return ran && captured && explained; }
};

// `fd` is where it will be written: colour and width follow it.
std::string render_drill_text(const std::vector<DrillResult>& results, int fd);
// See docs/formats/drill-json.md.
std::string render_drill_json(const std::vector<DrillResult>& results);

}  // namespace inquest::cli
