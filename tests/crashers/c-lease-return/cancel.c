#include <stdlib.h>

#include "lease.h"

void lease_cancel(struct lease *lease) {
  lease->owner[0] = 0;
  lease->until = 0;
  free(lease);
}
