#include "capture/collect/kernel_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/result.h"
#include "base/words.h"

namespace inquest::capture {
namespace {

constexpr size_t kMaxRecord = 8192;  // bytes; what the kernel gives at most

// Said when the core has been taken, of how the connection ended: coredump_sock_wait().
constexpr std::array<std::string_view, 2> kAfterwards = {"Coredump socket failed",
                                                         "Coredump socket had unexpected data"};

bool take(std::string_view& text, std::string_view what) {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

}  // namespace

// "4,5357,17207715947,-;coredump: 18276(tiny): Coredump socket connection /run/x failed -2"
std::optional<KernelLoss> parse_kernel_loss(std::string_view record) {
  const auto priority = take_number<unsigned>(record);
  // Facilities other than the kernel's are what programs wrote there.
  if (!priority || *priority >= 8) return std::nullopt;
  const size_t start = record.find(';');
  if (start == std::string_view::npos) return std::nullopt;
  std::string_view text = record.substr(start + 1);
  text = text.substr(0, text.find('\n'));
  if (!take(text, "coredump: ")) return std::nullopt;
  const auto pid = take_number<int32_t>(text);
  if (!pid || !take(text, "(")) return std::nullopt;
  // A name may hold parentheses, and these very characters.
  const size_t end = text.find("): ");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view reason = text.substr(end + 3);
  if (std::ranges::find(kAfterwards, reason) != kAfterwards.end()) return std::nullopt;
  return KernelLoss{
      .pid = *pid, .name = std::string(text.substr(0, end)), .reason = std::string(reason)};
}

KernelLog::KernelLog() : fd_(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  if (!fd_.valid()) why_not_ = Error::io("/dev/kmsg", errno).message();
  if (fd_.valid()) lseek(fd_.get(), 0, SEEK_END);
}

void KernelLog::drain(const std::function<void(const KernelLoss&)>& tell) const {
  std::array<char, kMaxRecord> record;
  while (fd_.valid()) {
    const ssize_t size = read(fd_.get(), record.data(), record.size());
    // EPIPE: records were overwritten before they were read; those behind them follow.
    if (size < 0 && (errno == EINTR || errno == EPIPE)) continue;
    if (size <= 0) return;
    if (const auto loss = parse_kernel_loss({record.data(), static_cast<size_t>(size)}))
      tell(*loss);
  }
}

}  // namespace inquest::capture
