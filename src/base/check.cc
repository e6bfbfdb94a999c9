#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace inquest::internal {

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "inquest: internal error: CHECK(%s) failed at %s:%d\n", expression, file,
               line);
  std::abort();
}

}  // namespace inquest::internal
