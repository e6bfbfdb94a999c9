#include <stdio.h>

#include "table.h"

int main(void) {
  static struct client clients[2] = {{0, 4}, {0, 7}};
  static struct table table = {
      {0x7461626c65, 0x68646c72}, {{4, &clients[0]}, {7, &clients[1]}}, 2};
  int ready[] = {4, 7, 9};
  for (int i = 0; i < 3; ++i) printf("%ld\n", serve(&table, ready[i]));
  return 0;
}
