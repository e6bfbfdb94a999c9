#include "limits.h"

#include <stdio.h>

struct limits limits;

void load_limits(const char *const *lines, int count) {
  for (int i = 0; i < count; ++i) {
    if (sscanf(lines[i], "connections = %u", &limits.connections) == 1) continue;
    if (sscanf(lines[i], "timeout = %ums", &limits.timeout_ms) == 1) continue;
    sscanf(lines[i], "shards = %u", &limits.shards);
  }
}
