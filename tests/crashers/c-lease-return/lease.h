#pragma once

struct lease {
  int id;
  long until;
  char owner[24];
};

struct pool {
  struct lease *leases[8];
  int used;
};

struct lease *lease_take(struct pool *pool, const char *owner, long until);
void lease_cancel(struct lease *lease);
int lease_sweep(struct pool *pool, long now);
