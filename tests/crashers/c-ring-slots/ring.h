#pragma once
#include <stddef.h>

struct ring {
  long *items;
  unsigned slots;
  unsigned head;
  int owned;
};

struct ring *ring_new(void);
void ring_init(struct ring *ring, long *memory, unsigned slots);
void ring_put(struct ring *ring, long item);
