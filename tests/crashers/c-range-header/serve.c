#include "range.h"

static unsigned char page[8192];

__attribute__((noinline)) static unsigned long checksum(const struct range *range) {
  unsigned long sum = 0;
  for (size_t at = range->from; at <= range->to; ++at) sum = sum * 33 + page[at];  // CRASH
  return sum;
}

unsigned long serve_range(const char *header) {
  struct range range;
  parse_range(header, &range);
  return checksum(&range);
}
