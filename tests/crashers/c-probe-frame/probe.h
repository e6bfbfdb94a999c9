#pragma once
#include <stddef.h>

struct probe {
  int ttl;
  size_t length;
  const unsigned char *payload;
  const char *target;
};

unsigned send_probe(const struct probe *probe);
