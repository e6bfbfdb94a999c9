// Programs that die of their own heap, for allocators that say nothing: argv[1] says how. The block
// that is to blame is written into the file "ledger": guilty ADDRESS.
#include <stdio.h>

#include "ledger.h"

struct vat {
  int rate, pad[3];
};
struct order {
  char note[24];
  struct vat *vat;
  long total;
};
enum { kOrders = 40 };
static struct order *orders[kOrders];
static char *names[kOrders];

static void told(const void *guilty) {
  const int file = open("ledger", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dprintf(file, "guilty %lx\n", (unsigned long)guilty);
}

__attribute__((noinline)) static long settle(struct order *order) {
  return order->vat->rate * order->total;
}
__attribute__((noinline)) static void drop(void *block) {
  free(block);
  __asm__ volatile("" : : "r"(block) : "memory");
}
__attribute__((noinline)) static void fill(char *name, int length) { memset(name, 'A', length); }

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "";
  for (int i = 0; i < kOrders; ++i) {
    orders[i] = malloc(sizeof(struct order));
    memset(orders[i], 0x11, sizeof(struct order));
    names[i] = malloc(20);
    memset(names[i], 'n', 20);
  }
  struct order *order = orders[17];
  char *name = names[5];
  if (!strcmp(how, "use_after_free")) {
    told(order);
    order->vat = (struct vat *)0x4141414141414141;
    drop(order);
    return (int)settle(order);
  }
  if (!strcmp(how, "double_free")) {
    told(order);
    drop(order);
    drop(order);
  }
  if (!strcmp(how, "double_free_first")) {  // of the first block of its kind
    told(orders[0]);
    drop(orders[0]);
    drop(orders[0]);
  }
  if (!strcmp(how, "free_inside")) {
    told(order);
    drop((char *)order + 16);
  }
  if (!strcmp(how, "overrun_freed")) {  // by one byte; seen when the block itself is given back
    told(name);
    fill(name, 21);
    drop(name);
  }
  if (!strcmp(how, "overrun_next")) {  // seen when the next one is
    told(name);
    fill(name, 40);
    drop(names[6]);
  }
  if (!strcmp(how, "overrun_malloc")) {  // seen when the next one is handed out again
    told(name);
    drop(names[6]);
    fill(name, 33);
    for (int i = 0; i < 1000; ++i) names[i % kOrders] = malloc(20);
  }
  return 0;
}
