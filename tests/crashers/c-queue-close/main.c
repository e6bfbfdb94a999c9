#include <stdio.h>

#include "queue.h"

int main(void) {
  struct sink sink = {0, "/var/spool/out"};
  struct queue queue;
  queue_open(&queue, &sink);
  for (int i = 1; i < 5; ++i) queue_put(&queue, i);
  printf("%ld\n", queue_flush(&queue));
  queue_put(&queue, 9);
  queue_close(&queue);
  printf("%ld\n", queue_flush(&queue));
  return 0;
}
