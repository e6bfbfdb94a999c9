// Does the kernel write a core at all, and all of it? Source: core(5), proc(5), fs/coredump.c.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "capture/doctor/examine.h"

namespace inquest::doctor {
namespace {

using Evidence = Prospect::Evidence;
using Kind = CorePattern::Kind;

constexpr uint64_t kAnonymousPrivate = 1, kAnonymousShared = 2, kElfHeaders = 16;

// The first two numbers of a release.
std::pair<int, int> version_of(const std::string& release) {
  std::istringstream stream(release);
  std::pair<int, int> version;
  char dot = 0;
  stream >> version.first >> dot >> version.second;
  return version;
}

std::string who(const Facts& facts) {
  return facts.target ? facts.target->name : std::string("a process");
}

std::string set_limit_command(const Facts& facts) {
  if (facts.unit)
    return fmt::format("systemctl edit {}   # [Service] LimitCORE=infinity", facts.unit->name);
  if (!facts.host.container.empty())
    return "docker run --ulimit core=-1 …   # or, without any privilege: inquest run -- CMD";
  if (facts.target && facts.target->pid != 0)
    return fmt::format("prlimit --core=unlimited --pid {}", facts.target->pid);
  return "ulimit -c unlimited";
}

// Who set the limit, as far as files tell.
std::string limit_setter(const Facts& facts) {
  if (facts.unit && facts.unit->core_limit)
    return fmt::format("set by {}", facts.unit->core_limit_source);
  if (facts.unit) return "systemd's default for services";
  if (!facts.host.container.empty()) return "set by the container engine or inherited from it";
  if (!facts.host.core_limits.empty()) {
    const Settings::Value& line = facts.host.core_limits.back();
    return fmt::format("`{}` in {}, if the process was started by a login", line.text, line.source);
  }
  return "inherited from whoever started it; no file of /etc/security sets it";
}

// The bytes of memory that a core has to hold, from below.
uint64_t needed(const Target& target) { return target.anonymous_bytes; }

void settle(Examination& out, Evidence evidence, std::string what) {
  out.prospect = {evidence, std::move(what)};
}

void check_limit(const Facts& facts, Examination& out) {
  const Target& target = *facts.target;
  const uint64_t soft = target.core_limit.soft;
  if (facts.host.pattern.kind == Kind::kPipe || facts.host.pattern.kind == Kind::kSocket) {
    // The limit counts for files alone; but 1 is the kernel's own mark for "no pipe".
    if (soft == 1 && facts.host.pattern.kind == Kind::kPipe) {
      settle(out, Evidence::kNothing,
             "nothing: a core limit of 1 byte keeps the kernel from piping");
      out.findings.push_back({"core-limit", Weight::kProblem, "RLIMIT_CORE is 1",
                              "the kernel takes 1 as the sign not to start a pipe's program",
                              set_limit_command(facts)});
    }
    return;
  }
  if (soft == 0) {
    settle(out, Evidence::kNothing, fmt::format("nothing: the core limit of {} is 0", who(facts)));
    out.findings.push_back({"core-limit", Weight::kProblem, "RLIMIT_CORE is 0: no core is written",
                            limit_setter(facts), set_limit_command(facts)});
  } else if (soft != kInfinity && soft < needed(target)) {
    settle(out, Evidence::kPart, fmt::format("the first {} of a core", size_text(soft)));
    out.findings.push_back({"core-limit", Weight::kWarning,
                            fmt::format("RLIMIT_CORE cuts the core at {}", size_text(soft)),
                            fmt::format("the process has {} of memory of its own; {}",
                                        size_text(needed(target)), limit_setter(facts)),
                            set_limit_command(facts)});
  }
}

void check_dumpable(const Facts& facts, Examination& out) {
  const Target& target = *facts.target;
  if (target.is_dumpable) return;
  const int64_t mode = facts.host.suid_dumpable.value_or(0);
  const std::string reason =
      target.program.is_setuid
          ? "the program has set-id bits or file capabilities"
          : "it gave up its right to be dumped (PR_SET_DUMPABLE, or it changed its user)";
  const bool absolute = !facts.host.pattern.is_relative;
  if (mode == 0 || (mode == 2 && !absolute)) {
    settle(out, Evidence::kNothing, fmt::format("nothing: {} may not be dumped", who(facts)));
    out.findings.push_back({"dumpable", Weight::kProblem,
                            fmt::format("fs.suid_dumpable is {}: no core of this process", mode),
                            reason + (mode == 2 ? "; mode 2 needs a pipe or an absolute path" : ""),
                            "sysctl -w fs.suid_dumpable=2   # readable by root alone"});
  } else if (mode == 1) {
    out.findings.push_back(
        {"dumpable", Weight::kWarning,
         "fs.suid_dumpable is 1: cores of privileged programs belong to the user",
         "anybody who can start the program can read its secrets from the core",
         "sysctl -w fs.suid_dumpable=2"});
  }
}

void check_filter(const Facts& facts, Examination& out) {
  const auto& filter = facts.target->coredump_filter;
  if (!filter) return;
  const std::string fix = fmt::format("echo 0x33 > /proc/{}/coredump_filter", facts.target->pid);
  if ((*filter & kAnonymousPrivate) == 0) {
    out.findings.push_back({"coredump-filter", Weight::kProblem,
                            fmt::format("coredump_filter {:#x} leaves out private memory", *filter),
                            "stacks and heap are not in the core: nothing can be explained", fix});
    if (out.prospect.evidence != Evidence::kNothing)
      settle(out, Evidence::kPart, "a core without stacks and heap");
  } else if ((*filter & kElfHeaders) == 0) {
    out.findings.push_back({"coredump-filter", Weight::kWarning,
                            fmt::format("coredump_filter {:#x} leaves out ELF headers", *filter),
                            "without them nobody can tell which build of a library was loaded",
                            fix});
  } else if ((*filter & kAnonymousShared) == 0) {
    out.findings.push_back({"coredump-filter", Weight::kNote,
                            fmt::format("coredump_filter {:#x} leaves out shared memory", *filter),
                            "objects in shared memory (as of postgres) will be missing", fix});
  }
}

void check_file(const Facts& facts, Examination& out) {
  const CorePattern& pattern = facts.host.pattern;
  const bool known = facts.target && !facts.target->directory.empty();
  if (known && pattern.is_relative && !facts.target->directory_writable) {
    settle(out, Evidence::kNothing,
           fmt::format("nothing: {} may not write to {}", who(facts), facts.target->directory));
    out.findings.push_back({"core-directory", Weight::kProblem,
                            fmt::format("the core would go to {}, which {} may not write to",
                                        facts.target->directory, who(facts)),
                            "core_pattern is relative: it means the working directory",
                            "sysctl -w kernel.core_pattern=/var/crash/core.%e.%p.%t"});
  } else if (pattern.is_relative) {
    out.findings.push_back({"core-directory", Weight::kNote,
                            "cores land in the working directory of whatever crashes",
                            fmt::format("core_pattern is `{}`", pattern.text),
                            "sysctl -w kernel.core_pattern=/var/crash/core.%e.%p.%t"});
  }
  if (!facts.host.pid_is_added && pattern.text.find("%p") == std::string::npos &&
      pattern.text.find("%P") == std::string::npos &&
      pattern.text.find("%t") == std::string::npos) {
    out.findings.push_back({"core-name", Weight::kWarning, "each core overwrites the one before",
                            fmt::format("core_pattern `{}` has neither pid nor time, and "
                                        "core_uses_pid is 0",
                                        pattern.text),
                            "sysctl -w kernel.core_uses_pid=1"});
  }
}

void check_space(const Facts& facts, Examination& out) {
  if (!facts.space || !facts.target) return;
  const uint64_t size = needed(*facts.target);
  if (facts.space->free >= size + size / 8) return;
  out.findings.push_back(
      {"disk-space", Weight::kProblem,
       fmt::format("{} has {} free", facts.space->path, size_text(facts.space->free)),
       fmt::format("a core of {} needs at least {}", who(facts), size_text(size)),
       "inquest run -- CMD   # a slim record takes under a megabyte"});
  if (out.prospect.evidence == Evidence::kAll)
    settle(out, Evidence::kPart, "a core that is cut where the disk is full");
}

}  // namespace

void examine_core(const Facts& facts, Examination& out) {
  const Host& host = facts.host;
  if (!host.pattern_readable) {
    out.findings.push_back({"core-pattern", Weight::kWarning, "core_pattern cannot be read",
                            "what the kernel would do with a core is not known", ""});
    return;
  }
  switch (host.pattern.kind) {
    case Kind::kNothing:
      settle(out, Evidence::kNothing, "nothing: core_pattern is empty");
      out.findings.push_back({"core-pattern", Weight::kProblem, "core_pattern is empty",
                              "the kernel has no name to write a core to",
                              "sysctl -w kernel.core_pattern=/var/crash/core.%e.%p.%t"});
      break;
    case Kind::kFile:
      settle(out, Evidence::kAll,
             fmt::format("a core file, {}{}",
                         host.pattern.is_relative ? "in its working directory: " : "",
                         host.pattern.target));
      check_file(facts, out);
      break;
    case Kind::kPipe:
      settle(out, Evidence::kAll, fmt::format("a core, given to {}", host.pattern.target));
      break;
    case Kind::kSocket:
      settle(out, Evidence::kAll,
             fmt::format("a core, sent to the socket {}", host.pattern.target));
      if (version_of(host.kernel) < std::pair(6, 16)) {
        settle(out, Evidence::kPart, "a core file with an odd name");
        out.findings.push_back({"core-pattern", Weight::kProblem,
                                fmt::format("kernel {} knows no core socket", host.kernel),
                                fmt::format("it takes `{}` for a file name", host.pattern.text),
                                "sysctl -w kernel.core_pattern=/var/crash/core.%e.%p.%t"});
      }
      break;
  }
  if (host.pattern.may_be_cut) {
    out.findings.push_back(
        {"core-pattern-cut", Weight::kProblem,
         fmt::format("core_pattern fills all {} bytes that the kernel keeps", kMaxCorePattern),
         "longer ones are cut without a word: the last arguments are probably lost", ""});
  }
  if (!facts.target) return;
  check_limit(facts, out);
  check_dumpable(facts, out);
  check_filter(facts, out);
  check_space(facts, out);
}

}  // namespace inquest::doctor
