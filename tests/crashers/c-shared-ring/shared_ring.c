#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { kPage = 4096 };

struct ring {
  char* base;
  size_t size;
  size_t read;
};

static int ring_map(struct ring* ring, size_t pages) {
  char* base =
      mmap(NULL, (pages + 1) * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return -1;
  ring->base = base;
  ring->size = pages * kPage;
  ring->read = 0;
  return mprotect(base + ring->size, kPage, PROT_NONE);
}

static void ring_fill(struct ring* ring, const char* line) {
  size_t size = strlen(line);
  size_t at = 0;
  for (; at + size < ring->size; at += size) memcpy(ring->base + at, line, size);
  memset(ring->base + at, 'x', ring->size - at);
}

__attribute__((noinline)) static size_t ring_line(struct ring* ring) {
  const char* at = ring->base + ring->read;
  size_t length = 0;
  while (*at != '\n') {  // CRASH
    length++;            // CRASH-ALSO
    at++;                // CRASH-ALSO
  }
  ring->read += length + 1;
  return length;
}

static size_t consume(struct ring* ring) {
  size_t lines = 0;
  while (ring->read < ring->size) lines += ring_line(ring) > 0;
  return lines;
}

int main(void) {
  struct ring ring;
  if (ring_map(&ring, 2) != 0) return 1;
  ring_fill(&ring, "level=info msg=\"checkpoint complete\"\n");
  printf("%zu\n", consume(&ring));
  return 0;
}
