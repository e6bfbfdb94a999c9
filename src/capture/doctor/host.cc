#include "capture/doctor/host.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <sstream>

#include "base/words.h"
#include "platform/os/file.h"

namespace inquest::doctor {
namespace {

constexpr uint64_t kMaxFile = 1 << 20;  // bytes
constexpr size_t kMaxLimitLines = 64;

std::optional<std::string> read_line(const std::string& path) {
  auto text = os::read_text_file(path, kMaxFile);
  if (!text.ok()) return std::nullopt;
  while (text->ends_with('\n')) text->pop_back();
  return std::move(*text);
}

std::optional<int64_t> read_number(const std::string& path) {
  const auto text = read_line(path);
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  return take_number<int64_t>(rest);
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// The environment of PID 1, and what container engines leave behind.
std::string find_container(const std::string& root) {
  if (exists(root + "/.dockerenv")) return "docker";
  if (exists(root + "/run/.containerenv")) return "podman";
  if (exists(root + "/var/run/secrets/kubernetes.io/serviceaccount")) return "kubernetes";
  const auto environment = os::read_text_file(root + "/proc/1/environ", kMaxFile);
  if (environment.ok()) {
    std::istringstream variables(*environment);
    for (std::string variable; std::getline(variables, variable, '\0');) {
      if (variable.starts_with("KUBERNETES_SERVICE_HOST=")) return "kubernetes";
      if (variable.starts_with("ECS_CONTAINER_METADATA_URI")) return "ecs";
      if (variable.starts_with("container=lxc")) return "lxc";
      if (variable.starts_with("container=")) return "container";
    }
  }
  return {};
}

// Lines of pam_limits that speak of cores: "DOMAIN TYPE core VALUE".
void read_limits(const std::string& root, const std::string& path,
                 std::vector<Settings::Value>& found) {
  const auto text = os::read_text_file(root + path, kMaxFile);
  if (!text.ok()) return;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line) && found.size() < kMaxLimitLines;) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string domain, type, item, value;
    if (words >> domain >> type >> item >> value && item == "core")
      found.push_back({fmt::format("{} {} core {}", domain, type, value), path});
  }
}

std::vector<Settings::Value> read_all_limits(const std::string& root) {
  std::vector<Settings::Value> found;
  read_limits(root, "/etc/security/limits.conf", found);
  const std::string folder = "/etc/security/limits.d";
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir((root + folder).c_str()), closedir);
  while (const dirent* entry = open != nullptr ? readdir(open.get()) : nullptr) {
    const std::string name = entry->d_name;
    if (name.ends_with(".conf")) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names)
    read_limits(root, fmt::format("{}/{}", folder, name), found);
  return found;
}

}  // namespace

Host read_host(const std::string& root) {
  Host host;
  const std::string kernel = root + "/proc/sys/kernel/";
  host.kernel = read_line(kernel + "osrelease").value_or("");
  if (const auto pattern = read_line(kernel + "core_pattern")) {
    host.pattern_readable = true;
    host.pattern = parse_core_pattern(*pattern);
    host.handler_exists = exists(root + host.pattern.target);
  }
  host.pid_is_added = read_number(kernel + "core_uses_pid").value_or(0) != 0;
  host.core_pipe_limit = read_number(kernel + "core_pipe_limit");
  host.suid_dumpable = read_number(root + "/proc/sys/fs/suid_dumpable");
  host.ptrace_scope = read_number(kernel + "yama/ptrace_scope");
  host.systemd_runs = exists(root + "/run/systemd/system");
  host.container = find_container(root);
  host.coredump_conf = read_settings(
      root, {"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"},
      {"coredump.conf"});
  host.core_limits = read_all_limits(root);
  return host;
}

std::optional<Space> space_at(const std::string& path) {
  std::string at = path;
  struct statvfs info{};
  while (statvfs(at.empty() ? "/" : at.c_str(), &info) != 0) {
    const size_t slash = at.rfind('/');
    if (at.empty() || slash == std::string::npos) return std::nullopt;
    at.resize(slash);
  }
  return Space{.path = at.empty() ? "/" : at,
               .free = uint64_t{info.f_bavail} * info.f_frsize,
               .size = uint64_t{info.f_blocks} * info.f_frsize};
}

}  // namespace inquest::doctor
