#include <stdio.h>

#include "org.h"

static void reorganise(struct unit *units) {
  move_unit(&units[1], &units[0]);
  move_unit(&units[2], &units[1]);
  move_unit(&units[3], &units[2]);
  move_unit(&units[1], &units[3]);
}

int main(void) {
  static struct unit units[] = {{"board", 0, 3}, {"sales", 0, 40}, {"north", 0, 12}, {"city", 0, 4}};
  printf("%d\n", level_of(&units[3]));
  reorganise(units);
  printf("%d\n", level_of(&units[3]));
  return 0;
}
