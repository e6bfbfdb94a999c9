#include "ring.h"

void ring_put(struct ring *ring, long item) {
  ring->items[ring->head++ % ring->slots] = item;  // CRASH
}
