#include <stdio.h>
#include <stdlib.h>

#include "lease.h"

struct lease *lease_take(struct pool *pool, const char *owner, long until) {
  struct lease *lease = calloc(1, sizeof(*lease));
  lease->id = pool->used;
  lease->until = until;
  snprintf(lease->owner, sizeof(lease->owner), "%s", owner);
  pool->leases[pool->used++] = lease;
  return lease;
}
