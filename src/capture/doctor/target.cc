#include "capture/doctor/target.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <map>
#include <memory>
#include <sstream>

#include "capture/doctor/program.h"
#include "capture/doctor/settings.h"
#include "platform/os/file.h"

namespace inquest::doctor {
namespace {

constexpr uint64_t kMaxFile = 16 << 20;  // bytes
constexpr size_t kMaxModules = 4096;
constexpr size_t kMaxProcesses = 65536;

// Variables that say something about crashes; others may be secrets and are never kept.
constexpr std::array<std::string_view, 6> kVariables = {"NODE_OPTIONS",
                                                        "PYTHONFAULTHANDLER",
                                                        "LD_PRELOAD",
                                                        "KUBERNETES_SERVICE_HOST",
                                                        "ECS_CONTAINER_METADATA_URI_V4",
                                                        "DYNO"};

std::string text_of(const std::string& path) {
  auto text = os::read_text_file(path, kMaxFile);
  return text.ok() ? std::move(*text) : std::string();
}

std::vector<std::string> strings_of(const std::string& bytes) {
  std::vector<std::string> all;
  std::istringstream stream(bytes);
  for (std::string one; std::getline(stream, one, '\0');) all.push_back(one);
  return all;
}

std::string link_of(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  return size < 0 ? std::string() : std::string(target.data(), static_cast<size_t>(size));
}

uint64_t number_of(std::string_view text, int base = 10) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

// "Name:\tvalue" lines of /proc/PID/status.
std::map<std::string, std::string> status_of(const std::string& text) {
  std::map<std::string, std::string> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(":\t");
    if (colon != std::string::npos) all[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return all;
}

CoreLimit core_limit_of(const std::string& limits) {
  constexpr std::string_view kName = "Max core file size";
  const size_t at = limits.find(kName);
  if (at == std::string::npos) return {kInfinity, kInfinity};
  std::istringstream words(limits.substr(at + kName.size()));
  std::string soft, hard;
  words >> soft >> hard;
  const auto value = [](const std::string& text) {
    return text == "unlimited" ? kInfinity : number_of(text);
  };
  return {value(soft), value(hard)};
}

std::string cgroup_of(const std::string& text) {
  std::string found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::")) return line.substr(3);
    const size_t named = line.find(":name=systemd:");
    if (named != std::string::npos) found = line.substr(named + 14);
  }
  return found;
}

bool may_write(const std::string& directory, uint32_t uid, uint32_t gid) {
  struct stat info{};
  if (stat(directory.c_str(), &info) != 0) return false;
  if (uid == 0) return true;
  const unsigned shift = info.st_uid == uid ? 6 : info.st_gid == gid ? 3 : 0;
  return (info.st_mode >> shift & 2U) != 0;
}

std::vector<ModuleFact> modules_of(const std::string& maps) {
  constexpr std::string_view kDeleted = " (deleted)";
  std::vector<ModuleFact> modules;
  std::istringstream lines(maps);
  for (std::string line; std::getline(lines, line) && modules.size() < kMaxModules;) {
    const size_t slash = line.find(" /");
    const size_t rights = line.find(' ');
    if (slash == std::string::npos || line.size() < rights + 4 || line[rights + 3] != 'x') continue;
    ModuleFact module;
    module.path = line.substr(slash + 1);
    module.was_deleted = module.path.ends_with(kDeleted);
    if (module.was_deleted) module.path.resize(module.path.size() - kDeleted.size());
    const auto same = [&](const ModuleFact& one) { return one.path == module.path; };
    if (std::ranges::none_of(modules, same)) modules.push_back(std::move(module));
  }
  return modules;
}

void read_status(const std::string& text, Target& target) {
  auto status = status_of(text);
  const auto kilobytes = [&](const char* name) { return number_of(status[name]) * 1024; };
  target.name = status["Name"];
  target.virtual_bytes = kilobytes("VmSize");
  target.resident_bytes = kilobytes("VmRSS");
  target.anonymous_bytes = kilobytes("RssAnon");
  std::istringstream ids(status["Uid"]);
  ids >> target.uid >> target.euid;
  target.seccomp = static_cast<int>(number_of(status["Seccomp"]));
  target.no_new_privileges = number_of(status["NoNewPrivs"]) != 0;
  target.caught = number_of(status["SigCgt"], 16);
  target.ignored = number_of(status["SigIgn"], 16);
  target.blocked = number_of(status["SigBlk"], 16);
  target.effective_capabilities = number_of(status["CapEff"], 16);
  target.tracer = static_cast<int32_t>(number_of(status["TracerPid"]));
  const std::string& numbers = status["NSpid"];
  const size_t last = numbers.find_last_of(" \t");
  target.is_namespace_init =
      number_of(last == std::string::npos ? numbers : numbers.substr(last + 1)) == 1;
}

// Is this part of a cgroup's path the unit, or a container whose id begins so? Engines name it
// docker-ID.scope, cri-containerd-ID.scope, libpod-ID.scope, or by the id alone.
bool is_named(std::string_view part, std::string_view wanted) {
  constexpr size_t kShortestId = 6;
  if (part == wanted) return true;
  if (wanted.size() < kShortestId) return false;
  const size_t dash = part.rfind('-');
  return part.starts_with(wanted) ||
         (dash != std::string_view::npos && part.substr(dash + 1).starts_with(wanted));
}

}  // namespace

std::string unit_of_cgroup(const std::string& cgroup) {
  std::istringstream parts(cgroup);
  std::string unit;
  for (std::string part; std::getline(parts, part, '/');)
    if (part.ends_with(".service")) unit = part;
  return unit;
}

Result<Target> read_target(const std::string& root, int32_t pid) {
  const std::string proc = fmt::format("{}/proc/{}/", root, pid);
  const std::string status = text_of(proc + "status");
  if (status.empty())
    return Error(ErrorCode::kNotFound, fmt::format("there is no process {}", pid));
  Target target;
  target.pid = pid;
  read_status(status, target);
  target.executable = link_of(proc + "exe");
  target.arguments = strings_of(text_of(proc + "cmdline"));
  for (const std::string& variable : strings_of(text_of(proc + "environ"))) {
    const std::string_view name = std::string_view(variable).substr(0, variable.find('='));
    if (std::ranges::find(kVariables, name) != kVariables.end())
      target.environment.push_back(variable);
  }
  target.program = read_program(proc + "exe", target.executable);
  target.core_limit = core_limit_of(text_of(proc + "limits"));
  const std::string filter = text_of(proc + "coredump_filter");
  if (!filter.empty()) target.coredump_filter = number_of(filter, 16);
  struct stat info{};
  if (stat((proc + "status").c_str(), &info) == 0) target.is_dumpable = info.st_uid == target.euid;
  target.directory = link_of(proc + "cwd");
  target.directory_writable = may_write(proc + "cwd", target.euid, info.st_gid);
  target.cgroup = cgroup_of(text_of(proc + "cgroup"));
  target.unit = unit_of_cgroup(target.cgroup);
  target.modules = modules_of(text_of(proc + "maps"));
  return target;
}

Result<Target> target_of_program(const std::string& root, const std::string& path) {
  INQ_TRY(Target target, read_target(root, getpid()));
  Target program;
  program.program = read_program(path, path);
  if (!program.program.readable) {
    return Error(ErrorCode::kInvalidArgument,
                 path + " is no ELF program that can be read; for a script, name its interpreter");
  }
  program.executable = path;
  program.name = path.substr(path.rfind('/') + 1);
  program.arguments = {path};
  program.core_limit = target.core_limit;
  program.coredump_filter = target.coredump_filter;
  program.uid = target.uid;
  program.euid = target.euid;
  program.is_dumpable = !program.program.is_setuid || target.uid == 0;
  program.seccomp = target.seccomp;
  program.directory = target.directory;
  program.directory_writable = target.directory_writable;
  program.modules.push_back({.path = path});
  return program;
}

std::vector<int32_t> processes_in(const std::string& root, const std::string& unit_or_container) {
  std::vector<int32_t> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir((root + "/proc").c_str()), closedir);
  while (const dirent* entry = open != nullptr ? readdir(open.get()) : nullptr) {
    const std::string name = entry->d_name;
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::istringstream parts(cgroup_of(text_of(fmt::format("{}/proc/{}/cgroup", root, name))));
    bool inside = false;
    for (std::string part; !inside && std::getline(parts, part, '/');)
      inside = is_named(part, unit_or_container);
    if (inside) found.push_back(static_cast<int32_t>(number_of(name)));
    if (found.size() >= kMaxProcesses) break;
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace inquest::doctor
