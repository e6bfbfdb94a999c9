#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stats {
  long completed;
  long bytes;
};

struct context {
  int fd;
  int flags;
  struct stats* stats;
  uint64_t cookie[16];
};

struct completion {
  struct context* context;
  long bytes;
};

struct reactor {
  struct completion pending[8];
  int count;
};

__attribute__((noinline)) static void reactor_submit(struct reactor* reactor,
                                                     struct context* context, long bytes) {
  reactor->pending[reactor->count++] = (struct completion){context, bytes};
}

__attribute__((noinline)) static void start_read(struct reactor* reactor, struct stats* stats,
                                                 int fd) {
  struct context context = {.fd = fd, .flags = 1, .stats = stats};
  reactor_submit(reactor, &context, 512L * fd);
}

__attribute__((noinline)) static uint64_t derive_key(const char* secret) {
  volatile uint64_t state[96];
  for (int i = 0; i < 96; i++)
    state[i] = 0xc2b2ae3d27d4eb4fu * (uint64_t)(i + secret[i % 7] + 1) | 0x4000000000000000u;
  return state[17] ^ state[71];
}

__attribute__((noinline)) static long completion_fire(const struct completion* completion) {
  struct context* context = completion->context;
  context->stats->completed += 1;              // CRASH
  context->stats->bytes += completion->bytes;  // CRASH-ALSO
  return context->stats->bytes;
}

static long reactor_poll(struct reactor* reactor) {
  long bytes = 0;
  for (int i = 0; i < reactor->count; i++) bytes += completion_fire(&reactor->pending[i]);
  return bytes;
}

int main(void) {
  struct reactor* reactor = calloc(1, sizeof *reactor);
  struct stats* stats = calloc(1, sizeof *stats);
  if (reactor == NULL || stats == NULL) return 1;
  start_read(reactor, stats, 4);
  uint64_t key = derive_key("s3cret!");
  printf("%ld %llx\n", reactor_poll(reactor), (unsigned long long)key);
  return 0;
}
