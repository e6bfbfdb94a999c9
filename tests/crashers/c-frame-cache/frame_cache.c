#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct frame {
  uint32_t id;
  size_t size;
  uint8_t* pixels;
};

struct cache {
  struct frame frames[4];
  unsigned next;
};

static struct frame* cache_insert(struct cache* cache, uint32_t id, size_t size) {
  struct frame* frame = &cache->frames[cache->next++ % 4];
  free(frame->pixels);
  frame->id = id;
  frame->size = size;
  frame->pixels = malloc(size);
  if (frame->pixels == NULL) exit(1);
  memset(frame->pixels, (int)id, size);
  return frame;
}

static void cache_trim(struct cache* cache, uint32_t oldest) {
  for (int i = 0; i < 4; i++)
    if (cache->frames[i].id < oldest) free(cache->frames[i].pixels);
}

__attribute__((noinline)) static void histogram(const uint8_t* pixels, size_t size,
                                                unsigned* bins) {
  for (size_t i = 0; i < size; i++) bins[pixels[i] >> 4]++;  // CRASH
}

int main(void) {
  struct cache* cache = calloc(1, sizeof *cache);
  unsigned bins[16] = {0};
  if (cache == NULL) return 1;
  struct frame* first = cache_insert(cache, 1, 48u << 20);
  const uint8_t* pixels = first->pixels;
  size_t size = first->size;
  cache_insert(cache, 2, 40u << 20);
  cache_trim(cache, 2);
  histogram(pixels, size, bins);
  printf("%u\n", bins[0]);
  return 0;
}
