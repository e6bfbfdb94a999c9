// Unit: how systemd would restart a service, and what it lets it dump. Source: systemd.service(5),
// systemd.unit(5), systemd.exec(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace inquest::doctor {

struct Unit {
  std::string name;
  std::vector<std::string> files;           // that were read, in order
  std::string restart = "no";               // Restart=
  uint64_t restart_after = 100'000;         // RestartSec=, microseconds
  std::optional<uint64_t> restart_steps;    // RestartSteps=
  std::optional<uint64_t> longest_restart;  // RestartMaxDelaySec=, microseconds
  uint64_t limit_interval = 10'000'000;     // StartLimitIntervalSec=, microseconds; 0: no limit
  uint64_t limit_burst = 5;                 // StartLimitBurst=
  std::optional<uint64_t> core_limit;       // LimitCORE= (the soft one), bytes
  std::string core_limit_source;            // the file that set it

  bool restarts_after_crash() const;
};

// nullopt when no file of this name is found below `root`.
std::optional<Unit> read_unit(const std::string& root, const std::string& name);

}  // namespace inquest::doctor
