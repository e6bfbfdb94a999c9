#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shard {
  uint32_t first;
  uint32_t last;
  int owner;
};

struct map {
  struct shard shards[8];
  int count;
};

static void logf_error(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("E shard_map: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
}

static void map_add(struct map* map, const char* line) {
  struct shard* shard = &map->shards[map->count];
  if (sscanf(line, "%x-%x %d", &shard->first, &shard->last, &shard->owner) == 3) map->count++;
}

__attribute__((noinline)) static int shard_owner(const struct map* map, uint32_t hash) {
  for (int i = 0; i < map->count; i++)
    if (hash >= map->shards[i].first && hash <= map->shards[i].last) return map->shards[i].owner;
  logf_error("no shard owns key hash %08x (%d shards known)", hash, map->count);
  abort();  // CRASH
}

static uint32_t hash_key(const char* key) {
  uint32_t hash = 2166136261u;
  for (; *key != '\0'; key++) hash = (hash ^ (unsigned char)*key) * 16777619u;
  return hash | 0x80000000u;
}

int main(void) {
  struct map* map = calloc(1, sizeof *map);
  if (map == NULL) return 1;
  map_add(map, "0-3fffffff 1");
  map_add(map, "40000000-7fffffff 2");
  printf("%d\n", shard_owner(map, hash_key("tenant/17/user/9")));
  return 0;
}
