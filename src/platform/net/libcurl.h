// libcurl, loaded on first use: linking it would cost every run of the program 4 ms of dynamic
// linking (it brings 25 libraries), and only a download needs it. Included by .cc files of this
// room only.
#pragma once

#include <curl/curl.h>

#include "base/result.h"

namespace inquest::net {

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

// Loads and starts libcurl once; kUnavailable, with the loader's reason, when it is not installed.
Result<const LibCurl*> libcurl();

}  // namespace inquest::net
