// Target: what of one process (or of a program about to be started from here) decides over the
// evidence that its crash leaves. Facts only. Source: proc(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace inquest::doctor {

struct CoreLimit {
  uint64_t soft = 0, hard = 0;  // bytes; kInfinity: unlimited
};

// What the program is, from its ELF file.
struct Program {
  bool readable = false;
  bool is_static = false;
  bool is_go = false;
  bool is_setuid = false;  // or setgid, or it carries file capabilities
  std::string runtime;     // "node", "python", or empty: by the name of the file
};

// A binary that the process has mapped, and whether a crash in it can be explained.
struct ModuleFact {
  std::string path;
  bool was_deleted = false;  // replaced or removed since it was loaded
  bool has_build_id = false;
  bool has_debug_info = false;  // its own, or in a file that was found
};

struct Target {
  int32_t pid = 0;  // 0: a program that does not run yet
  std::string name;
  std::string executable;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  // "NAME=value", only of names that checks look at
  Program program;
  CoreLimit core_limit;
  std::optional<uint64_t> coredump_filter;  // nullopt: not readable, or a kernel without
  uint64_t virtual_bytes = 0, resident_bytes = 0, anonymous_bytes = 0;
  uint32_t uid = 0, euid = 0;
  // False: the kernel gives its /proc files to root, and dumps nothing or for root alone.
  bool is_dumpable = true;
  int seccomp = 0;      // 0 none, 1 strict, 2 filter
  uint64_t caught = 0;  // signals: bit n - 1 for signal n
  uint64_t effective_capabilities = 0;
  int32_t tracer = 0;
  bool is_namespace_init = false;  // PID 1 of its pid namespace
  std::string directory;           // its working directory
  bool directory_writable = true;  // by it
  std::string unit;                // "shop.service", from the cgroup; empty: none
  std::vector<ModuleFact> modules;

  bool catches(int signal) const { return (caught >> (signal - 1) & 1) != 0; }
};

// `root` is put before /proc. kNotFound when there is no such process.
Result<Target> read_target(const std::string& root, int32_t pid);
// A program as it would be started from this process: its limits, directory and cgroup.
Result<Target> target_of_program(const std::string& root, const std::string& path);

// The processes of a unit or of a container whose id or name begins so, by their cgroups.
std::vector<int32_t> processes_in(const std::string& root, const std::string& unit_or_container);

}  // namespace inquest::doctor
