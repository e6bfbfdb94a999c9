#include <stdlib.h>

#include "lease.h"

__attribute__((noinline)) int lease_sweep(struct pool *pool, long now) {
  int gone = 0;
  for (int i = 0; i < pool->used; ++i) {
    if (pool->leases[i] == NULL) continue;
    free(pool->leases[i]);  // CRASH
    pool->leases[i] = NULL;
    ++gone;
  }
  return gone + (now < 0);
}
