#include "settings.h"

int spool_depth(const struct settings *settings) {
  int depth = 0;
  for (const char *at = settings->spool; *at != 0; ++at) depth += *at == '/';  // CRASH
  return depth;
}
