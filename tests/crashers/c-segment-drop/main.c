#include <stdio.h>
#include <unistd.h>

#include "segment.h"

static struct segment segment = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *rotate(void *unused) {
  for (int i = 0; i < 4; ++i) {
    usleep(50000);
    segment_rotate(&segment);
  }
  return unused;
}

static unsigned long scan(void) {
  unsigned long sum = 0;
  for (int i = 0; i < 100000; ++i) sum += segment_sum(&segment);
  return sum;
}

int main(void) {
  pthread_t thread;
  segment_map(&segment, 4 << 20);
  pthread_create(&thread, NULL, rotate, NULL);
  printf("%lu\n", scan());
  pthread_join(thread, NULL);
  return 0;
}
