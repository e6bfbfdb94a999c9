#include <stdio.h>

#include "lanes.h"

__attribute__((noinline)) static uint64_t dispatch(struct job *jobs, int count) {
  uint64_t deepest = 0;
  for (int i = 0; i < count; ++i) {
    uint64_t depth = lane_push(&jobs[i]);
    if (depth > deepest) deepest = depth;
  }
  return deepest;
}

int main(void) {
  struct job jobs[] = {{1, 0, 100}, {2, 0, 220}, {3, 0, 90}};
  const char *labels[] = {"mail", "bulk", "replay"};
  for (int i = 0; i < 3; ++i) assign_lane(&jobs[i], labels[i]);
  printf("%llu\n", (unsigned long long)dispatch(jobs, 3));
  return 0;
}
