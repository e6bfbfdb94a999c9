#include <stdio.h>

#include "ring.h"

int main(void) {
  static long memory[16];
  struct ring *own = ring_new(), *lent = ring_new();
  ring_init(own, NULL, 16);
  ring_init(lent, memory, 16);
  for (long i = 0; i < 5; ++i) ring_put(own, i);
  for (long i = 0; i < 5; ++i) ring_put(lent, i);
  printf("%u %u\n", own->head, lent->head);
  return 0;
}
