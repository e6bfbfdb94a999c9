// Cores that the kernel dropped: it says so in its log, if anywhere (coredump_report_failure() in
// fs/coredump.c; the format of /dev/kmsg is in Documentation/ABI/testing/dev-kmsg).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "platform/os/fd.h"

namespace inquest::capture {

struct KernelLoss {
  int32_t pid = 0;
  std::string name;    // of the process: up to 15 bytes, any
  std::string reason;  // the kernel's words
};

// One record of /dev/kmsg. nullopt: it is of something else, or not from the kernel itself.
std::optional<KernelLoss> parse_kernel_loss(std::string_view record);

// The kernel's log from now on.
class KernelLog {
 public:
  // Without the right to read it (CAP_SYSLOG) nothing will ever be told; fd() is -1 then.
  KernelLog();

  int fd() const { return fd_.get(); }
  // Why it cannot be read; empty when it can.
  const std::string& why_not() const { return why_not_; }
  // Tells of what has come since the last call.
  void drain(const std::function<void(const KernelLoss&)>& tell) const;

 private:
  os::Fd fd_;
  std::string why_not_;
};

}  // namespace inquest::capture
