#pragma once
#include <stdint.h>

struct badge {
  uint32_t card;
  const char *holder;
  uint32_t zones;
};

struct reader {
  const char *site;
  uint32_t zone;
  unsigned long admitted, refused;
};

const struct badge *find_badge(uint32_t card);
int door_open(struct reader *reader, const struct badge *badge);
