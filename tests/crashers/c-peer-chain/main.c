#include <stdio.h>

#include "peers.h"

int main(void) {
  static struct address addresses[] = {{0x0a000001, 7000}, {0x0a000002, 7000}, {0x0a000003, 7001}};
  struct peers peers = {NULL, 0};
  for (int i = 0; i < 3; ++i) peer_join(&peers, &addresses[i], i == 1 ? 100 : 190);
  printf("%u\n", peers_digest(&peers));
  peers_expire(&peers, 200);
  printf("%u of %d\n", peers_digest(&peers), peers.count);
  return 0;
}
