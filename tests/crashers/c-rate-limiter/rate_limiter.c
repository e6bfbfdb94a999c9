#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct limit {
  char tenant[24];
  int tokens;
  int window;
};

struct bucket {
  const struct limit* limit;
  long filled;
  long last;
};

struct limiter {
  struct limit limits[8];
  struct bucket buckets[8];
  int count;
};

static int limiter_add(struct limiter* limiter, const char* line) {
  struct limit* limit = &limiter->limits[limiter->count];
  if (sscanf(line, "%23s %d/%d", limit->tenant, &limit->tokens, &limit->window) != 3) return -1;
  limiter->buckets[limiter->count++].limit = limit;
  return 0;
}

__attribute__((noinline)) static long bucket_refill(struct bucket* bucket, long now) {
  const struct limit* limit = bucket->limit;
  long elapsed = now - bucket->last;
  bucket->filled += elapsed * limit->tokens / limit->window;  // CRASH
  if (bucket->filled > limit->tokens) bucket->filled = limit->tokens;
  bucket->last = now;
  return bucket->filled;
}

static int limiter_allow(struct limiter* limiter, const char* tenant, long now) {
  for (int i = 0; i < limiter->count; i++)
    if (strcmp(limiter->limits[i].tenant, tenant) == 0)
      return bucket_refill(&limiter->buckets[i], now) > 0;
  return 1;
}

int main(void) {
  struct limiter* limiter = calloc(1, sizeof *limiter);
  if (limiter == NULL) return 1;
  limiter_add(limiter, "acme 100/60");
  limiter_add(limiter, "globex 50/0");
  int allowed = limiter_allow(limiter, "acme", 30) + limiter_allow(limiter, "globex", 31);
  printf("%d\n", allowed);
  return 0;
}
