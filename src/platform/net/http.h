// HTTP client. Blocking; safe to use from several threads at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace inquest::net {

struct HttpOptions {
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds stall_timeout{
      30'000};  // no byte for so long ends the transfer; whole seconds
  std::chrono::milliseconds timeout{600'000};  // for everything
  uint64_t max_bytes = 64 * 1024 * 1024;       // of the body
  int max_redirects = 5;
  std::vector<std::string> headers;  // "Name: value"; one with a line break is refused
  // Called now and then with the bytes so far and, when known, in all. Answer false to give up.
  std::function<bool(uint64_t done, std::optional<uint64_t> total)> progress;
};

struct HttpResponse {
  int status = 0;
  std::string url;    // where the answer came from, after redirects
  uint64_t size = 0;  // of the body
  Bytes body;         // empty after http_download
  std::vector<std::pair<std::string, std::string>>
      headers;  // names in lower case; of the last answer

  bool success() const { return status >= 200 && status < 300; }
  // The first header called `name` (lower case); "" when there is none.
  std::string_view header(std::string_view name) const;
};

// Errors: kInvalidArgument (not an http or https URL), kUnavailable (no connection, timeout, given
// up), kTruncated (the body ended early), kTooLarge (over max_bytes).
Result<HttpResponse> http_get(const std::string& url, const HttpOptions& options = {});

// Writes the body of a successful answer to `fd`; the body of any other is dropped. After an error
// the file may hold a part.
Result<HttpResponse> http_download(const std::string& url, int fd, const HttpOptions& options = {});

}  // namespace inquest::net
