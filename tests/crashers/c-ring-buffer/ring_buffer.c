#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ring {
  size_t capacity;
  size_t reserved;
  size_t head;
  char* data;
};

static struct ring* ring_new(size_t capacity) {
  struct ring* ring = calloc(1, sizeof *ring);
  if (ring == NULL) exit(1);
  ring->capacity = capacity;
  ring->data = calloc(1, capacity);
  return ring;
}

static char* ring_reserve(struct ring* ring, size_t size) {
  ring->reserved = size;
  return ring->data + ring->head;
}

__attribute__((noinline)) static void ring_commit(struct ring* ring, size_t size) {
  assert(size <= ring->reserved && "commit past the reservation");  // CRASH
  ring->head = (ring->head + size) % ring->capacity;
  ring->reserved = 0;
}

static size_t log_line(struct ring* ring, const char* text, size_t limit) {
  size_t size = strlen(text);
  char* out = ring_reserve(ring, limit);
  memcpy(out, text, size < limit ? size : limit);
  ring_commit(ring, size);
  return ring->head;
}

int main(void) {
  struct ring* ring = ring_new(4096);
  size_t head = log_line(ring, "listening on :8080", 32);
  head = log_line(ring, "accepted connection from 198.51.100.23 after 3 retries", 32);
  printf("%zu\n", head);
  return 0;
}
