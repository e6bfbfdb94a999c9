#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "badge.h"

__attribute__((noinline)) static int admit(struct reader *reader, const char *event) {
  uint32_t card = (uint32_t)strtoul(event, NULL, 10);
  const struct badge *badge = find_badge(card);
  int open = door_open(reader, badge);
  printf("%s: card %u %s\n", reader->site, card, open ? "in" : "refused");
  return open;
}

int main(void) {
  struct reader reader = {.site = "north gate", .zone = 1};
  const char *events[] = {"4401", "4470", "4460"};
  for (int i = 0; i < 3; ++i) admit(&reader, events[i]);
  return 0;
}
