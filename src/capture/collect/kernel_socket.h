// The kernel's coredump socket (6.16 and later): a process that dies connects, asks what is to be
// done with it, and is held until the answer. Source: include/uapi/linux/coredump.h, fs/coredump.c,
// and trying it on 6.18.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "platform/os/fd.h"

namespace inquest::capture {

// Listens at a path for the kernel to connect to; the path is removed at the end.
class KernelSocket {
 public:
  // Kernel's connections wait here until they are accepted: one that finds no room is lost.
  static constexpr int kBacklog = 4096;

  // Makes the socket; one that is there already is replaced when nobody listens to it.
  // kInvalidArgument where others than root and the caller may write to a directory on the way.
  static Result<KernelSocket> listen(const std::string& path);
  KernelSocket(KernelSocket&&) noexcept = default;
  KernelSocket& operator=(KernelSocket&&) = delete;
  KernelSocket(const KernelSocket&) = delete;
  KernelSocket& operator=(const KernelSocket&) = delete;
  ~KernelSocket();

  int fd() const { return fd_.get(); }
  // The next crash; blocks.
  Result<os::Fd> accept() const;

 private:
  KernelSocket(os::Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  os::Fd fd_;
  std::string path_;
};

// Who connected, as the kernel tells it.
struct CrashPeer {
  os::Fd pidfd;
  int32_t pid = 0;
  // COREDUMP_USER / COREDUMP_ROOT of pidfd's info: may the user read the core, or root alone?
  // nullopt: the kernel does not say.
  std::optional<bool> root_only;
};
// kMismatch when the peer is not a process that dies: somebody else has connected.
Result<CrashPeer> identify_peer(int connection);

// What the kernel is told to do.
enum class DumpAnswer : uint8_t {
  kReject,  // write nothing: the process goes on dying
  kCore,    // write the core into the connection, and wait until it is closed
};

// Reads the kernel's request and answers it. Then, unless it was rejected, the bytes of the core
// follow in the connection. kUnsupported when the kernel refuses the answer.
Status answer_kernel(int connection, DumpAnswer answer);

}  // namespace inquest::capture
