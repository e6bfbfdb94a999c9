#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct packet {
  uint32_t sequence;
  uint32_t options;
  uint64_t values[32];
};

struct pool {
  struct packet* packets[4];
  int count;
};

static struct packet* pool_packet(struct pool* pool, uint32_t sequence) {
  struct packet* packet = malloc(sizeof *packet);
  if (packet == NULL) exit(1);
  packet->sequence = sequence;
  packet->options = 0;
  pool->packets[pool->count++] = packet;
  return packet;
}

__attribute__((noinline)) static void packet_options(struct packet* packet, const uint64_t* values,
                                                     uint32_t count) {
  uint64_t* out = packet->values;
  for (uint32_t i = 0; i < count; i++) {
    __asm__("" : "+r"(out));
    *out++ = values[i];
  }
  packet->options = count;
}

__attribute__((noinline)) static void packet_recycle(struct pool* pool, int index) {
  struct packet* packet = pool->packets[index];
  pool->packets[index] = NULL;
  free(packet);  // CRASH
}

static void pool_drain(struct pool* pool) {
  for (int i = 0; i < pool->count; i++) packet_recycle(pool, i);
  pool->count = 0;
}

int main(void) {
  uint64_t values[40];
  struct pool* pool = calloc(1, sizeof *pool);
  if (pool == NULL) return 1;
  for (int i = 0; i < 40; i++) values[i] = 0x1000003u * (uint64_t)(i + 1);
  for (uint32_t i = 0; i < 3; i++) pool_packet(pool, i);
  packet_options(pool->packets[0], values, 34);
  pool_drain(pool);
  return 0;
}
