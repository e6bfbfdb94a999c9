// Does the restart policy turn one crash into a storm, or into silence? Source: systemd.service(5),
// systemd.unit(5).
#include <fmt/format.h>

#include "capture/doctor/examine.h"

namespace inquest::doctor {
namespace {

constexpr uint64_t kSecond = 1'000'000, kHour = 3600 * kSecond;
// Restarts of a program that crashes at once: more in an hour than this is a storm.
constexpr uint64_t kMany = 360;

std::string seconds(uint64_t microseconds) {
  return microseconds == kInfinity ? "for ever"
                                   : fmt::format("{:g} s", static_cast<double>(microseconds) / 1e6);
}

bool backs_off(const Unit& unit) {
  return unit.restart_steps.value_or(0) > 0 && unit.longest_restart &&
         *unit.longest_restart > unit.restart_after;
}

// A program that dies as soon as it starts is started `burst` times within this.
bool reaches_limit(const Unit& unit) {
  if (unit.limit_interval == 0 || unit.limit_burst == 0) return false;
  if (unit.restart_after == kInfinity) return false;
  return unit.restart_after < unit.limit_interval / unit.limit_burst;
}

std::string edit(const Unit& unit, const char* lines) {
  return fmt::format("systemctl edit {}   # {}", unit.name, lines);
}

}  // namespace

void examine_restart(const Facts& facts, Examination& out) {
  if (!facts.unit) return;
  const Unit& unit = *facts.unit;
  if (!unit.restarts_after_crash()) {
    out.findings.push_back(
        {"restart-none", Weight::kWarning,
         fmt::format("{} stays down after a crash (Restart={})", unit.name, unit.restart),
         "nobody starts it again", edit(unit, "[Service] Restart=on-failure")});
    return;
  }
  if (reaches_limit(unit) && !backs_off(unit)) {
    out.findings.push_back(
        {"restart-gives-up", Weight::kProblem,
         fmt::format("{} crashes within {} end in silence", unit.limit_burst,
                     seconds(unit.limit_interval)),
         fmt::format("RestartSec={}: the start limit is reached, and then {} stays dead until "
                     "somebody runs `systemctl reset-failed`",
                     seconds(unit.restart_after), unit.name),
         edit(unit, "RestartSec=5 RestartSteps=6 RestartMaxDelaySec=300 StartLimitIntervalSec=0")});
    return;
  }
  const uint64_t each = std::max<uint64_t>(unit.restart_after, kSecond / 10);
  if (!backs_off(unit) && kHour / each > kMany) {
    out.findings.push_back(
        {"restart-storm", Weight::kWarning,
         fmt::format("a program that crashes at once is started {} times an hour", kHour / each),
         fmt::format(
             "RestartSec={} without back-off, and the start limit never ends it: each crash "
             "costs a core and, for a moment, the service",
             seconds(unit.restart_after)),
         edit(unit,
              "RestartSteps=6 RestartMaxDelaySec=300 (systemd 254), or inquest run --restart")});
    return;
  }
  out.findings.push_back({"restart", Weight::kGood,
                          fmt::format("{} is restarted after {} (Restart={})", unit.name,
                                      seconds(unit.restart_after), unit.restart),
                          backs_off(unit) ? "with back-off" : "seldom enough not to be a storm",
                          ""});
}

}  // namespace inquest::doctor
