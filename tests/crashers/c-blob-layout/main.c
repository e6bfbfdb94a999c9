#include <stdio.h>

#include "blob.h"

int main(void) {
  const uint8_t data[] = {7, 8, 9, 10};
  long room[8] = {0};
  struct blob *blob = (struct blob *)room;
  pack_blob(blob, data, 4);
  printf("%d\n", read_first(blob));
  return 0;
}
