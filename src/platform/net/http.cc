#include "platform/net/http.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/check.h"
#include "platform/os/fd.h"

namespace inquest::net {

namespace {

constexpr size_t kMaxHeaders = 200;
constexpr size_t kMaxHeaderSize = 8 * 1024;

// libcurl, loaded on first use: linking it would cost every run of the program 4 ms of dynamic
// linking (it brings 25 libraries), and only a download needs it.
struct LibCurl {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_perform) easy_perform = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;
};

constexpr const char* kLibrary = "libcurl.so.4";

struct Loaded {
  LibCurl functions;
  std::string failure;  // empty when everything is there
};

template <typename Function>
void resolve(void* library, const char* name, Function& function, std::string& failure) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr && failure.empty()) failure = fmt::format("{} has no {}", kLibrary, name);
}

Loaded load() {
  Loaded loaded;
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    loaded.failure = fmt::format("downloads need libcurl: {}", dlerror());
    return loaded;
  }
  LibCurl& curl = loaded.functions;
  std::string& failure = loaded.failure;
  resolve(library, "curl_global_init", curl.global_init, failure);
  resolve(library, "curl_easy_init", curl.easy_init, failure);
  resolve(library, "curl_easy_setopt", curl.easy_setopt, failure);
  resolve(library, "curl_easy_perform", curl.easy_perform, failure);
  resolve(library, "curl_easy_getinfo", curl.easy_getinfo, failure);
  resolve(library, "curl_easy_cleanup", curl.easy_cleanup, failure);
  resolve(library, "curl_easy_strerror", curl.easy_strerror, failure);
  resolve(library, "curl_slist_append", curl.slist_append, failure);
  resolve(library, "curl_slist_free_all", curl.slist_free_all, failure);
  if (failure.empty() && curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    failure = "libcurl does not start";
  }
  return loaded;
}

// Loads and starts libcurl once; kUnavailable, with the reason, when it is not installed.
Result<const LibCurl*> libcurl() {
  static const Loaded loaded = load();  // curl_global_init is not thread-safe by itself; this is
  if (!loaded.failure.empty()) return Error(ErrorCode::kUnavailable, loaded.failure);
  return &loaded.functions;
}

struct CurlDeleter {
  const LibCurl* lib;
  void operator()(CURL* handle) const { lib->easy_cleanup(handle); }
  void operator()(curl_slist* list) const { lib->slist_free_all(list); }
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view trim(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

// One GET: its handle, its options, and what came back so far.
class Transfer {
 public:
  Transfer(const LibCurl& lib, const std::string& url, const HttpOptions& options, int fd)
      : lib_(lib),
        url_(url),
        options_(options),
        fd_(fd),
        curl_(lib.easy_init(), CurlDeleter{&lib}),
        headers_(nullptr, CurlDeleter{&lib}) {}

  Result<HttpResponse> run() {
    if (!curl_) return Error(ErrorCode::kUnavailable, "libcurl does not start");
    INQ_TRY_STATUS(set_up());
    const CURLcode code = lib_.easy_perform(curl_.get());
    if (failure_) return std::move(*failure_).with_context(url_);
    if (code != CURLE_OK) return failure(code);
    long status = 0;
    lib_.easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    const char* effective = nullptr;
    lib_.easy_getinfo(curl_.get(), CURLINFO_EFFECTIVE_URL, &effective);
    response_.url = effective != nullptr ? effective : url_;
    return std::move(response_);
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    // Fails only for options this libcurl lacks; we need every one of them.
    INQ_CHECK(lib_.easy_setopt(curl_.get(), option, value) == CURLE_OK);
  }

  Status set_up() {
    const std::string scheme = lower(url_.substr(0, url_.find(':')));
    if (scheme != "http" && scheme != "https") {
      return Error(ErrorCode::kInvalidArgument, url_ + " is neither an http nor an https URL");
    }
    set(CURLOPT_URL, url_.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, scheme == "https" ? "https" : "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, static_cast<long>(options_.max_redirects));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, message_.data());
    set(CURLOPT_USERAGENT, "inquest");
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    const auto stall = std::chrono::ceil<std::chrono::seconds>(options_.stall_timeout);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(stall.count()));
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_XFERINFODATA, this);
    set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    set(CURLOPT_NOPROGRESS, options_.progress ? 0L : 1L);
    return add_headers();
  }

  Status add_headers() {
    for (const std::string& header : options_.headers) {
      if (header.find_first_of("\r\n") != std::string::npos ||
          header.find('\0') != std::string::npos) {
        return Error(ErrorCode::kInvalidArgument, "a header must be a single line");
      }
      curl_slist* longer = lib_.slist_append(headers_.get(), header.c_str());
      if (longer == nullptr) return Error(ErrorCode::kUnavailable, "no memory for a header");
      (void)headers_.release();
      headers_.reset(longer);
    }
    set(CURLOPT_HTTPHEADER, headers_.get());
    return {};
  }

  Error failure(CURLcode code) const {
    const char* text = message_[0] != '\0' ? message_.data() : lib_.easy_strerror(code);
    const std::string message = fmt::format("{}: {}", url_, text);
    switch (code) {
      case CURLE_PARTIAL_FILE:
      case CURLE_GOT_NOTHING:
        return {ErrorCode::kTruncated, message};
      case CURLE_URL_MALFORMAT:
      case CURLE_UNSUPPORTED_PROTOCOL:
        return {ErrorCode::kInvalidArgument, message};
      default:
        return {ErrorCode::kUnavailable, message};
    }
  }

  // Whether the answer whose body arrives is a 2xx.
  bool is_success() const {
    long status = 0;
    lib_.easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
  }

  Status take(ByteView piece) {
    if (piece.size() > options_.max_bytes - response_.size) {
      return Error(ErrorCode::kTooLarge,
                   fmt::format("the body is larger than {} bytes", options_.max_bytes));
    }
    response_.size += piece.size();
    if (fd_ < 0) {
      response_.body.insert(response_.body.end(), piece.begin(), piece.end());
      return {};
    }
    return is_success() ? os::write_all(fd_, piece) : Status();
  }

  // libcurl's callbacks. Answering less than `size` ends the transfer.
  static size_t on_body(char* data, size_t, size_t size, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    Status status = transfer->take({reinterpret_cast<const uint8_t*>(data), size});
    if (status.ok()) return size;
    transfer->failure_ = std::move(status).error();
    return 0;
  }

  static size_t on_header(char* data, size_t, size_t size, void* self) {
    HttpResponse& response = static_cast<Transfer*>(self)->response_;
    const std::string_view line(data, size);
    if (line.starts_with("HTTP/"))
      response.headers.clear();  // a redirect's headers are not the answer's
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && size <= kMaxHeaderSize &&
        response.headers.size() < kMaxHeaders) {
      response.headers.emplace_back(lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
    }
    return size;
  }

  static int on_progress(void* self, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
    auto* transfer = static_cast<Transfer*>(self);
    const std::optional<uint64_t> known =
        total > 0 ? std::optional<uint64_t>(static_cast<uint64_t>(total)) : std::nullopt;
    if (transfer->options_.progress(static_cast<uint64_t>(done), known)) return 0;
    transfer->failure_ = Error(ErrorCode::kUnavailable, "given up");
    return 1;
  }

  const LibCurl& lib_;
  const std::string& url_;
  const HttpOptions& options_;
  int fd_;  // -1: the body stays in memory
  std::unique_ptr<CURL, CurlDeleter> curl_;
  std::unique_ptr<curl_slist, CurlDeleter> headers_;
  std::array<char, CURL_ERROR_SIZE> message_ = {};
  std::optional<Error> failure_;
  HttpResponse response_;
};

Result<HttpResponse> run(const std::string& url, const HttpOptions& options, int fd) {
  INQ_TRY(const LibCurl* lib, libcurl());
  return Transfer(*lib, url, options, fd).run();
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& header) { return header.first == name; });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

Result<HttpResponse> http_get(const std::string& url, const HttpOptions& options) {
  return run(url, options, -1);
}

Result<HttpResponse> http_download(const std::string& url, int fd, const HttpOptions& options) {
  if (fd < 0) return Error(ErrorCode::kInvalidArgument, "no file to download to");
  return run(url, options, fd);
}

}  // namespace inquest::net
