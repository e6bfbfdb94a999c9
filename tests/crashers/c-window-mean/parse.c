#include "window.h"

int parse_length(const char *text) {
  int length = 0;
  while (*text >= '0' && *text <= '9') length = 10 * length + (*text++ - '0');
  if (*text != 's') return 0;
  return length;
}
