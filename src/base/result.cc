#include "base/result.h"

#include <fmt/format.h>

#include <cstring>

namespace inquest {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid-argument";
    case ErrorCode::kNotFound:
      return "not-found";
    case ErrorCode::kTruncated:
      return "truncated";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kMismatch:
      return "mismatch";
    case ErrorCode::kTooLarge:
      return "too-large";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kUnavailable:
      return "unavailable";
  }
  return "unknown";
}

Error Error::io(std::string message, int sys_errno) {
  Error error(ErrorCode::kIo, fmt::format("{}: {}", message, std::strerror(sys_errno)));
  error.sys_errno_ = sys_errno;
  return error;
}

Error Error::with_context(std::string_view context) && {
  message_ = fmt::format("{}: {}", context, message_);
  return std::move(*this);
}

}  // namespace inquest
