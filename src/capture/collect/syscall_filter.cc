#include "capture/collect/syscall_filter.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <memory>

namespace inquest::capture {
namespace {

// What the C and C++ libraries and the analysis need, of either architecture; not what the loader
// needs: nothing is loaded any more.
constexpr std::array kAllowed = {
    "access",
    "brk",
    "clock_gettime",
    "clock_nanosleep",
    "close",
    "dup",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fcntl",
    "fstat",
    "fstatfs",
    "ftruncate",
    "futex",
    "getcwd",
    "getdents64",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getrandom",
    "gettid",
    "gettimeofday",
    "getuid",
    "lseek",
    "lstat",
    "madvise",
    "mremap",
    "munmap",
    "newfstatat",
    "poll",
    "ppoll",
    "pread64",
    "preadv",
    "pwrite64",
    "read",
    "readahead",
    "readlink",
    "readlinkat",
    "readv",
    "restart_syscall",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "sigaltstack",
    "stat",
    "statfs",
    "statx",
    "sysinfo",
    "uname",
    "write",
    "writev",
};

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};

}  // namespace

Status keep_only_reading() {
  const std::unique_ptr<void, Release> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!filter) return Error(ErrorCode::kUnavailable, "no filter of system calls can be made");
  for (const char* name : kAllowed) {
    // One that this architecture has not is no loss.
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0) continue;
    if (const int failed = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, number, 0); failed != 0)
      return Error::io("a filter of system calls", -failed);
  }
  constexpr unsigned kChanges = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
  const std::array rules = {
      std::pair{SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, kChanges, O_RDONLY)},
      std::pair{SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
      std::pair{SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}};
  for (const auto& [number, condition] : rules) {
    const int failed = seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, number, 1, &condition);
    if (failed != 0) return Error::io("a filter of system calls", -failed);
  }
  if (const int failed = seccomp_load(filter.get()); failed != 0) {
    if (failed == -EINVAL || failed == -ENOSYS)
      return Error(ErrorCode::kUnsupported, "this kernel filters no system calls");
    return Error::io("a filter of system calls", -failed);
  }
  return {};
}

}  // namespace inquest::capture
