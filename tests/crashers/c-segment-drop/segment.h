#pragma once
#include <pthread.h>
#include <stddef.h>

struct segment {
  pthread_mutex_t lock;
  unsigned char *base;
  size_t size;
  unsigned generation;
};

void segment_map(struct segment *segment, size_t size);
void segment_rotate(struct segment *segment);
unsigned long segment_sum(struct segment *segment);
