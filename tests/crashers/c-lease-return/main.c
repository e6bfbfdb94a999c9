#include <stdio.h>

#include "lease.h"

int main(void) {
  static struct pool pool;
  lease_take(&pool, "ana", 100);
  struct lease *second = lease_take(&pool, "ben", 200);
  lease_take(&pool, "cleo", 300);
  lease_cancel(second);
  printf("%d\n", lease_sweep(&pool, 150));
  return 0;
}
