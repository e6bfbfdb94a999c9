#include "capture/doctor/examine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace inquest::doctor {

std::string_view to_string(Weight weight) {
  constexpr std::array<std::string_view, 4> kNames = {"good", "note", "warning", "problem"};
  return kNames[static_cast<size_t>(weight)];
}

std::string_view to_string(Prospect::Evidence evidence) {
  constexpr std::array<std::string_view, 4> kNames = {"nothing", "part", "all", "unknown"};
  return kNames[static_cast<size_t>(evidence)];
}

bool Examination::has_problems() const {
  return std::ranges::any_of(findings,
                             [](const Finding& one) { return one.weight == Weight::kProblem; });
}

std::string size_text(uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string core_directory(const Host& host, const Target* target) {
  using Kind = CorePattern::Kind;
  if (host.pattern.kind == Kind::kPipe && handler_of(host.pattern) == "systemd-coredump")
    return "/var/lib/systemd/coredump";
  if (host.pattern.kind != Kind::kFile) return {};
  if (host.pattern.is_relative) return target != nullptr ? target->directory : std::string();
  const std::string& path = host.pattern.target;
  return path.substr(0, std::max<size_t>(path.rfind('/'), 1));
}

Examination examine(const Facts& facts) {
  Examination out;
  examine_core(facts, out);
  examine_collector(facts, out);
  examine_access(facts, out);
  examine_container(facts, out);
  examine_restart(facts, out);
  examine_modules(facts, out);
  examine_runtime(facts, out);
  std::ranges::stable_sort(out.findings, std::greater(), &Finding::weight);
  return out;
}

}  // namespace inquest::doctor
