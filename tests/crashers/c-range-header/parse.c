#include <stdlib.h>
#include <string.h>

#include "range.h"

int parse_range(const char *text, struct range *range) {
  if (strncmp(text, "bytes=", 6) != 0) return -1;
  char *end;
  range->from = strtoul(text + 6, &end, 10);
  if (*end != '-') return -1;
  range->to = strtoul(end + 1, NULL, 10);
  return 0;
}
