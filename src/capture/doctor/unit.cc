#include "capture/doctor/unit.h"

#include "capture/doctor/settings.h"

namespace inquest::doctor {
namespace {

const std::vector<std::string> kUnitDirectories = {
    "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
    "/lib/systemd/system", "/usr/lib/systemd/system"};
const std::vector<std::string> kManagerDirectories = {"/etc/systemd", "/run/systemd",
                                                      "/usr/lib/systemd"};

// shop@eu.service: its own file, else the template's.
std::vector<std::string> names_of(const std::string& name) {
  std::vector<std::string> names = {name};
  const size_t at = name.find('@'), dot = name.rfind('.');
  if (at != std::string::npos && dot != std::string::npos && dot > at + 1)
    names.push_back(name.substr(0, at + 1) + name.substr(dot));
  return names;
}

Settings read_unit_files(const std::string& root, const std::string& name) {
  const auto names = names_of(name);
  Settings settings = read_settings(root, kUnitDirectories, names);
  if (!settings.sources().empty() || names.size() == 1) return settings;
  return read_settings(root, kUnitDirectories, {names[1], names[0]});
}

void set_span(const Settings::Value* value, uint64_t& field) {
  if (value == nullptr) return;
  if (const auto span = parse_span(value->text)) field = *span;
}

std::optional<uint64_t> count(const Settings::Value* value) {
  return value == nullptr ? std::nullopt : parse_size(value->text);
}

// "SOFT:HARD" or one for both.
void set_core_limit(const Settings::Value* value, Unit& unit) {
  if (value == nullptr) return;
  const auto limit = parse_size(value->text.substr(0, value->text.find(':')));
  if (!limit) return;
  unit.core_limit = limit;
  unit.core_limit_source = value->source;
}

}  // namespace

bool Unit::restarts_after_crash() const {
  return restart == "always" || restart == "on-failure" || restart == "on-abnormal" ||
         restart == "on-abort";
}

std::optional<Unit> read_unit(const std::string& root, const std::string& name) {
  const Settings settings = read_unit_files(root, name);
  if (settings.sources().empty()) return std::nullopt;
  const Settings manager = read_settings(root, kManagerDirectories, {"system.conf"});
  Unit unit;
  unit.name = name;
  unit.files = settings.sources();
  set_span(manager.find("Manager", "DefaultRestartSec"), unit.restart_after);
  set_span(manager.find("Manager", "DefaultStartLimitIntervalSec"), unit.limit_interval);
  if (const auto burst = count(manager.find("Manager", "DefaultStartLimitBurst")))
    unit.limit_burst = *burst;
  set_core_limit(manager.find("Manager", "DefaultLimitCORE"), unit);
  if (const auto* restart = settings.find("Service", "Restart")) unit.restart = restart->text;
  set_span(settings.find("Service", "RestartSec"), unit.restart_after);
  unit.restart_steps = count(settings.find("Service", "RestartSteps"));
  if (const auto* longest = settings.find("Service", "RestartMaxDelaySec"))
    unit.longest_restart = parse_span(longest->text);
  // Before systemd 230 the limits stood in [Service], the interval under another name.
  for (const char* section : {"Service", "Unit"}) {
    set_span(settings.find(section, "StartLimitInterval"), unit.limit_interval);
    set_span(settings.find(section, "StartLimitIntervalSec"), unit.limit_interval);
    if (const auto burst = count(settings.find(section, "StartLimitBurst")))
      unit.limit_burst = *burst;
  }
  set_core_limit(settings.find("Service", "LimitCORE"), unit);
  return unit;
}

}  // namespace inquest::doctor
