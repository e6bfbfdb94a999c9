#include "ring.h"

#include <stdlib.h>

struct ring *ring_new(void) { return calloc(1, sizeof(struct ring)); }

void ring_init(struct ring *ring, long *memory, unsigned slots) {
  ring->head = 0;
  if (memory != NULL) {
    ring->items = memory;
    ring->owned = 0;
    return;
  }
  ring->items = calloc(slots, sizeof(long));
  ring->owned = 1;
  ring->slots = slots;
}
