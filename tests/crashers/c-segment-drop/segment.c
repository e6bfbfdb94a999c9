#define _GNU_SOURCE
#include "segment.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned char *map(size_t size) {
  void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) abort();
  return base;
}

void segment_map(struct segment *segment, size_t size) {
  pthread_mutex_lock(&segment->lock);
  segment->base = map(size);
  segment->size = size;
  memset(segment->base, 1, size);
  pthread_mutex_unlock(&segment->lock);
}

void segment_rotate(struct segment *segment) {
  munmap(segment->base, segment->size);
  ++segment->generation;
  usleep(400000);
  segment->base = map(segment->size);
}

unsigned long segment_sum(struct segment *segment) {
  unsigned long sum = 0;
  pthread_mutex_lock(&segment->lock);
  const unsigned char *base = segment->base;
  for (size_t i = 0; i < segment->size; i += 64) sum += base[i];  // CRASH
  pthread_mutex_unlock(&segment->lock);
  return sum;
}
