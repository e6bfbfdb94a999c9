#include <stdio.h>

#include "limits.h"

int main(void) {
  const char *lines[] = {"connections = 128", "timeout = 250ms", "shards: 8"};
  load_limits(lines, 3);
  unsigned long keys[] = {71, 902, 15};
  for (int i = 0; i < 3; ++i) printf("%lu -> %u\n", keys[i], shard_of(keys[i]));
  return 0;
}
