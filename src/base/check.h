// CHECK: for bugs of ours, never for input. On in release builds too.
#pragma once

namespace inquest::internal {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}

#define INQ_CHECK(expression)                                                              \
  do {                                                                                     \
    if (!(expression)) ::inquest::internal::check_failed(#expression, __FILE__, __LINE__); \
  } while (false)
