// Result<T> and Status: the channel for what could not be done. No exceptions across rooms.
//
// What is merely missing from the evidence is not an error: it is a note inside the data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"

namespace inquest {

enum class ErrorCode {
  kInvalidArgument,  // the caller asked for something that makes no sense
  kNotFound,         // the thing asked for is not there
  kTruncated,        // the data ends before it should
  kCorrupt,          // the data contradicts itself
  kUnsupported,      // well-formed, but of a kind we do not read
  kMismatch,         // readable, but not the one that belongs here (build-id, architecture)
  kTooLarge,         // over one of our named limits
  kIo,               // the system refused; see sys_errno
  kUnavailable,      // could work another time (network, lock)
};

std::string_view to_string(ErrorCode code);

// An error says what went wrong with which thing; context is added on the way up.
class Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  // An I/O error: `sys_errno` is errno as the failing call left it.
  static Error io(std::string message, int sys_errno);

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  int sys_errno() const { return sys_errno_; }

  // Prefixes the message: "reading core.17: " + message.
  Error with_context(std::string_view context) &&;

 private:
  ErrorCode code_;
  std::string message_;
  int sys_errno_ = 0;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    INQ_CHECK(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    INQ_CHECK(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    INQ_CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    INQ_CHECK(!ok());
    return std::get<1>(state_);
  }
  Error&& error() && {
    INQ_CHECK(!ok());
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}  // NOLINT: implicit

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& {
    INQ_CHECK(!ok());
    return *error_;
  }
  Error&& error() && {
    INQ_CHECK(!ok());
    return *std::move(error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace inquest

#define INQ_CONCAT_INNER(a, b) a##b
#define INQ_CONCAT(a, b) INQ_CONCAT_INNER(a, b)

// INQ_TRY(auto file, File::open(path));  — declares `file`, or returns the error.
#define INQ_TRY(declaration, expression) \
  INQ_TRY_IMPL(INQ_CONCAT(inq_result_, __LINE__), declaration, expression)
#define INQ_TRY_IMPL(result, declaration, expression) \
  auto result = (expression);                         \
  if (!result.ok()) return std::move(result).error(); \
  declaration = std::move(result).value()

// INQ_TRY_STATUS(write_all(fd, bytes));  — returns the error if there is one.
#define INQ_TRY_STATUS(expression)                              \
  do {                                                          \
    auto inq_status = (expression);                             \
    if (!inq_status.ok()) return std::move(inq_status).error(); \
  } while (false)
