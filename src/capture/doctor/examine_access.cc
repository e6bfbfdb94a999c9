// May anybody look at the process when it dies? Source: ptrace(2), Yama, seccomp(2).
#include <fmt/format.h>

#include "capture/doctor/examine.h"

namespace inquest::doctor {
namespace {

constexpr uint64_t kCapSysPtrace = uint64_t{1} << 19;

void check_yama(const Facts& facts, Examination& out) {
  const int64_t scope = facts.host.ptrace_scope.value_or(0);
  if (scope >= 3) {
    out.findings.push_back(
        {"ptrace-scope", Weight::kProblem,
         "kernel.yama.ptrace_scope is 3: nobody may trace anything",
         "no debugger and no supervisor can read the process; 3 holds until reboot",
         "sysctl kernel.yama.ptrace_scope   # set to 1 in /etc/sysctl.d, reboot"});
  } else if (scope == 2) {
    out.findings.push_back({"ptrace-scope", Weight::kWarning,
                            "kernel.yama.ptrace_scope is 2: only CAP_SYS_PTRACE may trace",
                            "`inquest run` without it falls back to what the process writes itself",
                            "sysctl -w kernel.yama.ptrace_scope=1"});
  } else if (scope == 1) {
    out.findings.push_back({"ptrace-scope", Weight::kGood,
                            "kernel.yama.ptrace_scope is 1: a parent may trace its children",
                            "enough for `inquest run`; to attach gdb later, be root", ""});
  }
}

}  // namespace

void examine_access(const Facts& facts, Examination& out) {
  check_yama(facts, out);
  if (!facts.target) return;
  const Target& target = *facts.target;
  if (target.seccomp == 2) {
    out.findings.push_back({"seccomp", Weight::kNote, "a seccomp filter is in force",
                            "system calls cannot be injected safely: no snapshot, no early release "
                            "of ports; slim records are taken all the same",
                            ""});
  }
  if (target.tracer != 0) {
    out.findings.push_back({"tracer", Weight::kWarning,
                            fmt::format("process {} traces it", target.tracer),
                            "a debugger sees the crash first, and a second one cannot attach",
                            fmt::format("ps -p {}", target.tracer)});
  }
  if (target.program.is_setuid && (target.effective_capabilities & kCapSysPtrace) == 0) {
    out.findings.push_back({"set-id", Weight::kNote, "the program gains privileges when it starts",
                            "under an unprivileged tracer it would not, and LD_PRELOAD is ignored: "
                            "only the kernel's core, or a supervisor run by root, sees its crash",
                            ""});
  }
}

}  // namespace inquest::doctor
