#pragma once

struct limits {
  unsigned connections;
  unsigned shards;
  unsigned timeout_ms;
};

extern struct limits limits;

void load_limits(const char *const *lines, int count);
unsigned shard_of(unsigned long key);
