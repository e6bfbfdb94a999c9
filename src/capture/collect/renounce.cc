#include "capture/collect/renounce.h"

#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "capture/collect/syscall_filter.h"

namespace inquest::capture {
namespace {

constexpr uint32_t kNobody = 65534;
constexpr rlim_t kMemory = rlim_t{4} << 30;  // bytes of RLIMIT_DATA
constexpr rlim_t kSeconds = 60;              // of processor

Status limit(int resource, rlim_t value) {
  const rlimit bounds{value, value};
  if (setrlimit(static_cast<__rlimit_resource>(resource), &bounds) != 0)
    return Error::io("limiting the analysis", errno);
  return {};
}

}  // namespace

Status renounce_rights(uint32_t uid, uint32_t gid) {
  INQ_TRY_STATUS(limit(RLIMIT_DATA, kMemory));
  INQ_TRY_STATUS(limit(RLIMIT_CPU, kSeconds));
  INQ_TRY_STATUS(limit(RLIMIT_CORE, 0));
  if (uid == 0) uid = kNobody;
  if (gid == 0) gid = kNobody;
  if (geteuid() == 0) {
    // A kernel or a container may not allow new namespaces; the user is changed all the same.
    static_cast<void>(unshare(CLONE_NEWNET | CLONE_NEWIPC));
    if (setgroups(0, nullptr) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0)
      return Error::io("giving up root", errno);
    if (geteuid() == 0) return Error(ErrorCode::kUnavailable, "root could not be given up");
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Error::io("no_new_privs", errno);
  prctl(PR_SET_DUMPABLE, 0);
  const Status filtered = keep_only_reading();
  if (!filtered.ok() && filtered.error().code() != ErrorCode::kUnsupported) return filtered.error();
  return {};
}

}  // namespace inquest::capture
