#pragma once
#include <stddef.h>

struct range {
  size_t from, to;
};

int parse_range(const char *text, struct range *range);
unsigned long serve_range(const char *header);
