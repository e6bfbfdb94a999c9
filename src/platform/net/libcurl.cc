#include "platform/net/libcurl.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace inquest::net {
namespace {

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

}  // namespace

Result<const LibCurl*> libcurl() {
  static const Loaded loaded = load();  // curl_global_init is not thread-safe by itself; this is
  if (!loaded.failure.empty()) return Error(ErrorCode::kUnavailable, loaded.failure);
  return &loaded.functions;
}

}  // namespace inquest::net
