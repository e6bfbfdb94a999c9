#include "capture/collect/kernel_socket.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace inquest::capture {
namespace {

// include/uapi/linux/coredump.h, which Debian 12's headers do not have.
constexpr uint64_t kCoredumpKernel = 1, kCoredumpReject = 4, kCoredumpWait = 8;
struct CoredumpRequest {
  uint32_t size, size_ack;
  uint64_t mask;  // what the kernel can do
};
struct CoredumpAck {
  uint32_t size, spare;
  uint64_t mask;
};
constexpr uint32_t kMarkRequestAccepted = 0;

// include/uapi/linux/pidfd.h
constexpr int kSoPeerPidfd = 77;
constexpr uint64_t kPidfdInfoPid = 1, kPidfdInfoCoredump = 16;
struct PidfdInfo {
  uint64_t mask, cgroupid;
  uint32_t pid, tgid, ppid;
  uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  int32_t exit_code;
  uint32_t coredump_mask, spare;
};
constexpr unsigned long kPidfdGetInfo = _IOWR(0xff, 11, PidfdInfo);
constexpr uint32_t kCoredumped = 1, kCoredumpUser = 4, kCoredumpRoot = 8;

Error failed(std::string what) { return Error::io(std::move(what), errno); }

bool is_served(const sockaddr_un& address) {
  const os::Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

// Whoever may write to a directory on the way can put a socket of his own in the place of ours, and
// would be sent all cores.
Status is_ours_alone(const std::string& directory) {
  std::error_code failure;
  std::filesystem::path at = std::filesystem::canonical(directory, failure);
  if (failure) return Error::io(directory, failure.value());
  for (bool last = true;; last = false, at = at.parent_path()) {
    struct stat info = {};
    if (::lstat(at.c_str(), &info) != 0) return failed(at.string());
    const bool by_owner = info.st_uid == 0 || info.st_uid == geteuid();
    const bool by_others = (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
    const bool guarded = !last && (info.st_mode & S_ISVTX) != 0;
    if (!by_owner || (by_others && !guarded)) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{}: others may write there and could take the place of the socket; "
                               "choose a directory that only root may write to, as /run/inquest",
                               at.string()));
    }
    if (at == at.root_path()) return {};
  }
}

Status receive_all(int fd, void* into, size_t size) {
  const ssize_t got = recv(fd, into, size, MSG_WAITALL);
  if (got < 0) return failed("reading from the kernel's coredump socket");
  if (static_cast<size_t>(got) != size)
    return Error(ErrorCode::kTruncated, "the kernel ended the coredump connection early");
  return {};
}

}  // namespace

Result<KernelSocket> KernelSocket::listen(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path))
    return Error(ErrorCode::kInvalidArgument, path + ": too long for the path of a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  INQ_TRY_STATUS(is_ours_alone(parent.empty() ? "." : parent.string()));
  if (is_served(address))
    return Error(ErrorCode::kUnavailable, path + ": another collector listens there already");
  os::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return failed("making a socket");
  unlink(path.c_str());
  const mode_t before = umask(0177);
  const int bound = bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  umask(before);
  if (bound != 0) return failed(path + ": cannot make the socket");
  if (::listen(fd.get(), kBacklog) != 0) return failed(path + ": cannot listen");
  return KernelSocket(std::move(fd), path);
}

KernelSocket::~KernelSocket() {
  if (fd_.valid()) unlink(path_.c_str());
}

Result<os::Fd> KernelSocket::accept() const {
  for (;;) {
    os::Fd connection(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.valid()) return connection;
    if (errno != EINTR && errno != ECONNABORTED) return failed("accepting a crash");
  }
}

Result<CrashPeer> identify_peer(int connection) {
  int pidfd = -1;
  socklen_t size = sizeof(pidfd);
  if (getsockopt(connection, SOL_SOCKET, kSoPeerPidfd, &pidfd, &size) != 0)
    return failed("asking who crashed (SO_PEERPIDFD)");
  CrashPeer peer;
  peer.pidfd = os::Fd(pidfd);
  PidfdInfo info{};
  info.mask = kPidfdInfoPid | kPidfdInfoCoredump;
  if (ioctl(pidfd, kPidfdGetInfo, &info) != 0)
    return failed("asking about who crashed (PIDFD_GET_INFO)");
  peer.pid = static_cast<int32_t>(info.tgid);
  if ((info.mask & kPidfdInfoCoredump) == 0 || (info.coredump_mask & kCoredumped) == 0) {
    return Error(ErrorCode::kMismatch,
                 fmt::format("process {} connected to the coredump socket and does not dump core",
                             peer.pid));
  }
  if ((info.coredump_mask & kCoredumpRoot) != 0) peer.root_only = true;
  if ((info.coredump_mask & kCoredumpUser) != 0) peer.root_only = false;
  return peer;
}

Status answer_kernel(int connection, DumpAnswer answer) {
  CoredumpRequest request{};
  INQ_TRY_STATUS(receive_all(connection, &request, sizeof(request)));
  // A later kernel's request is longer; the rest says nothing that is needed here.
  std::array<char, 256> rest{};
  for (size_t left = std::max<size_t>(request.size, sizeof(request)) - sizeof(request); left > 0;) {
    const size_t part = std::min(left, rest.size());
    INQ_TRY_STATUS(receive_all(connection, rest.data(), part));
    left -= part;
  }
  const uint64_t wanted =
      answer == DumpAnswer::kReject ? kCoredumpReject : kCoredumpKernel | kCoredumpWait;
  if ((request.mask & wanted) != wanted || request.size_ack < sizeof(CoredumpAck))
    return Error(ErrorCode::kUnsupported, "this kernel's coredump socket cannot do what is needed");
  const CoredumpAck ack{.size = sizeof(CoredumpAck), .spare = 0, .mask = wanted};
  if (send(connection, &ack, sizeof(ack), MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof(ack)))
    return failed("answering the kernel's coredump socket");
  uint32_t mark = 0;
  INQ_TRY_STATUS(receive_all(connection, &mark, sizeof(mark)));
  if (mark != kMarkRequestAccepted)
    return Error(ErrorCode::kUnsupported,
                 fmt::format("the kernel refused the answer (mark {})", mark));
  return {};
}

}  // namespace inquest::capture
