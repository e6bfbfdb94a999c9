#include "lanes.h"

#include <string.h>

static struct lane lanes[4] = {{"bulk"}, {"mail"}, {"index"}, {"audit"}};

int find_lane(const char *label) {
  for (int i = 0; i < 4; ++i) {
    if (strcmp(lanes[i].label, label) == 0) return i;
  }
  return -1;
}

void assign_lane(struct job *job, const char *label) { job->lane = find_lane(label); }

uint64_t lane_push(const struct job *job) {
  uint64_t depth = lanes[job->lane].depth;  // CRASH
  lanes[job->lane].depth = depth + 1;       // CRASH-ALSO
  lanes[job->lane].bytes[0] += job->size;
  return depth;
}
