#include <stdio.h>
#include <stdlib.h>

#include "packet.h"

int main(void) {
  uint8_t *wire = calloc(1, 4096);
  struct body body = {malloc(4096), 0};
  struct packet packets[] = {{1, 512, wire}, {9, 64, wire}, {9, 8, wire}};
  for (int i = 0; i < 3; ++i) printf("%zu\n", split_packet(&packets[i], &body));
  return 0;
}
