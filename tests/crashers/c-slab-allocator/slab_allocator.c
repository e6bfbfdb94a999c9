#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kObjects = 32 };

struct slab {
  uint32_t used;
  uint32_t bitmap;
  unsigned char objects[kObjects][64];
};

#define INVARIANT(condition)            \
  do {                                  \
    if (!(condition)) __builtin_trap(); \
  } while (0)

static void* slab_take(struct slab* slab) {
  for (int i = 0; i < kObjects; i++) {
    if (slab->bitmap >> i & 1) continue;
    slab->bitmap |= 1u << i;
    slab->used++;
    return slab->objects[i];
  }
  return NULL;
}

__attribute__((noinline)) static void slab_put(struct slab* slab, void* object) {
  size_t index = (size_t)((unsigned char*)object - slab->objects[0]) / 64;
  INVARIANT(slab->used > 0);  // CRASH
  slab->bitmap &= ~(1u << index);
  slab->used--;
}

static int run_batch(struct slab* slab, int takes, int puts) {
  void* objects[kObjects];
  for (int i = 0; i < takes; i++) objects[i] = slab_take(slab);
  for (int i = 0; i < puts; i++) slab_put(slab, objects[i % takes]);
  return (int)slab->used;
}

int main(int argc, char** argv) {
  struct slab* slab = calloc(1, sizeof *slab);
  if (slab == NULL) return 1;
  int extra = argc > 1 ? atoi(argv[1]) : 1;
  printf("%d\n", run_batch(slab, 8, 8));
  printf("%d\n", run_batch(slab, 8, 8 + extra));
  return 0;
}
