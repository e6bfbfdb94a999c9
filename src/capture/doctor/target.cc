#include "capture/doctor/target.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <memory>
#include <sstream>

#include "base/words.h"
#include "capture/doctor/program.h"
#include "capture/doctor/settings.h"
#include "capture/record/circumstances.h"
#include "capture/record/proc_text.h"
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

CoreLimit core_limit_of(const std::string& limits) {
  constexpr std::string_view kName = "Max core file size";
  const size_t at = limits.find(kName);
  if (at == std::string::npos) return {kInfinity, kInfinity};
  std::istringstream words(limits.substr(at + kName.size()));
  std::string soft, hard;
  words >> soft >> hard;
  const auto value = [](const std::string& text) {
    return text == "unlimited" ? kInfinity : number<uint64_t>(text).value_or(0);
  };
  return {value(soft), value(hard)};
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
  for (const capture::LiveMapping& mapping : capture::parse_maps(maps)) {
    if (!mapping.execute || !mapping.path.starts_with('/')) continue;
    ModuleFact module{.path = mapping.path, .was_deleted = mapping.is_deleted()};
    if (module.was_deleted) module.path.resize(module.path.size() - kDeleted.size());
    const auto same = [&](const ModuleFact& one) { return one.path == module.path; };
    if (std::ranges::none_of(modules, same)) modules.push_back(std::move(module));
    if (modules.size() >= kMaxModules) break;
  }
  return modules;
}

void take_status(const capture::ProcessStatus& status, Target& target) {
  target.name = status.name;
  target.virtual_bytes = status.mapped_kib << 10;
  target.resident_bytes = status.resident_kib << 10;
  target.anonymous_bytes = status.anonymous_kib << 10;
  target.uid = status.real_uid.value_or(0);
  target.euid = status.uid.value_or(0);
  target.seccomp = status.seccomp;
  target.caught = status.caught;
  target.effective_capabilities = status.capabilities;
  target.tracer = status.tracer;
  target.is_namespace_init = status.innermost_pid == 1;
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

Result<Target> read_target(const std::string& root, int32_t pid) {
  const std::string proc = fmt::format("{}/proc/{}/", root, pid);
  const std::string status = text_of(proc + "status");
  if (status.empty())
    return Error(ErrorCode::kNotFound, fmt::format("there is no process {}", pid));
  Target target;
  target.pid = pid;
  take_status(capture::parse_status(status), target);
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
  std::string_view filter_text = filter;
  target.coredump_filter = take_number<uint64_t>(filter_text, 16);
  struct stat info{};
  if (stat((proc + "status").c_str(), &info) == 0) target.is_dumpable = info.st_uid == target.euid;
  target.directory = link_of(proc + "cwd");
  target.directory_writable = may_write(proc + "cwd", target.euid, info.st_gid);
  target.unit = capture::names_in_cgroup(text_of(proc + "cgroup")).unit;
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
    const std::string text = text_of(fmt::format("{}/proc/{}/cgroup", root, name));
    std::istringstream parts(capture::names_in_cgroup(text).path);
    bool inside = false;
    for (std::string part; !inside && std::getline(parts, part, '/');)
      inside = is_named(part, unit_or_container);
    if (inside) found.push_back(number<int32_t>(name).value_or(0));
    if (found.size() >= kMaxProcesses) break;
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace inquest::doctor
