#include <stdio.h>

#include "header.h"

__attribute__((noinline)) static void answer(const char *line) {
  const char *value = header_value(line);
  printf("<%s>\n", trim(value));
}

int main(void) {
  const char *lines[] = {"Host: example.org", "Upgrade:h2c", "X-Broken"};
  for (int i = 0; i < 3; ++i) answer(lines[i]);
  return 0;
}
