// Host: what of this machine decides over the evidence that a crash leaves. Facts only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "capture/doctor/core_pattern.h"
#include "capture/doctor/settings.h"

namespace inquest::doctor {

// Free and all bytes of the file system that holds `path` (or its nearest existing parent).
struct Space {
  std::string path;
  uint64_t free = 0;
  uint64_t size = 0;
};

struct Host {
  std::string kernel;  // release: "6.1.0-18-amd64"
  CorePattern pattern;
  bool pattern_readable = false;  // /proc/sys/kernel/core_pattern could be read
  bool pid_is_added = false;      // core_uses_pid: a file without %p gets ".PID"
  bool handler_exists = false;    // a pipe's program or a socket is there, as seen from here
  std::optional<int64_t> core_pipe_limit;  // nullopt: not readable
  std::optional<int64_t> suid_dumpable;
  std::optional<int64_t> ptrace_scope;  // nullopt: no Yama
  bool systemd_runs = false;            // PID 1 is systemd
  // Why this is thought to be inside of a container: "docker", "podman", "kubernetes", "ecs",
  // "lxc", "container"; empty: it is not.
  std::string container;
  Settings coredump_conf;  // systemd-coredump's
  std::vector<Settings::Value>
      core_limits;  // lines of limits.conf about core, "@users soft core 0"
};

// `root` is put before every path: "" for this machine.
Host read_host(const std::string& root);

std::optional<Space> space_at(const std::string& path);

}  // namespace inquest::doctor
