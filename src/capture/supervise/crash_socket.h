// CrashSocket: where dying processes with the handler in them ask to be captured
// (capture/wire/crash_request.h).
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/record/capture.h"
#include "capture/wire/crash_request.h"
#include "platform/os/fd.h"

namespace inquest::capture {

// A process that waits for an answer. Who it is the kernel told.
struct CrashRequest {
  os::Fd connection;
  pid_t pid = 0;  // of the peer
  pid_t tid = 0;  // as it stands in /proc here
  int signal = 0;
  HandlerContext context;
  // Descriptors that its handler still needs, ascending, as the process says itself; empty when it
  // does not say which. It waits for the answer on one of them.
  std::vector<int> needed_descriptors;
};

class CrashSocket {
 public:
  static Result<std::unique_ptr<CrashSocket>> create();

  const std::string& address() const { return address_; }  // for INQUEST_SUPERVISOR
  std::vector<int> descriptors() const;
  // A descriptor is ready: perhaps a request is whole. Only processes that descend from this one
  // are listened to; of them only what they say of themselves.
  std::optional<CrashRequest> ready(int fd);

  static void answer(const CrashRequest& request, uint32_t outcome, uint32_t flags);

 private:
  CrashSocket() = default;
  void accept_all();

  std::string address_;
  os::Fd listener_;
  std::vector<os::Fd> waiting_;  // connected, and have said nothing yet
};

// Does `pid` descend from `ancestor`, as /proc tells it?
bool descends_from(pid_t pid, pid_t ancestor);

}  // namespace inquest::capture
