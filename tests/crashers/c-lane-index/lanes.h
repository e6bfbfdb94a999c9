#pragma once
#include <stdint.h>

struct lane {
  const char *label;
  uint64_t depth;
  uint64_t bytes[6];
};

struct job {
  uint32_t id;
  uint32_t lane;
  uint64_t size;
};

int find_lane(const char *label);
void assign_lane(struct job *job, const char *label);
uint64_t lane_push(const struct job *job);
