#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct route {
  int weight;
  int hops;
};

struct peer {
  struct route* route;
  char host[120];
  long sent;
};

struct ring {
  struct peer* slots[8];
  int used;
};

static struct route kNear = {8, 1}, kFar = {2, 6};

static struct peer* ring_join(struct ring* ring, const char* host, struct route* route) {
  struct peer* peer = calloc(1, sizeof *peer);
  if (peer == NULL) exit(1);
  peer->route = route;
  snprintf(peer->host, sizeof peer->host, "%s", host);
  ring->slots[ring->used++] = peer;
  return peer;
}

__attribute__((noinline)) static void ring_drop(struct ring* ring, const char* host) {
  for (int i = 0; i < ring->used; i++) {
    if (strcmp(ring->slots[i]->host, host) != 0) continue;
    free(ring->slots[i]);
    return;
  }
}

__attribute__((noinline)) static int relay_weight(struct peer* peer, int size) {
  int weight = peer->route->weight;  // CRASH
  peer->sent += size;
  return weight * size;
}

static long relay_all(struct ring* ring, int size) {
  long sum = 0;
  for (int i = 0; i < ring->used; i++) sum += relay_weight(ring->slots[i], size);
  return sum;
}

int main(void) {
  struct ring ring = {{0}, 0};
  ring_join(&ring, "ams-1", &kNear);
  ring_join(&ring, "fra-2", &kNear);
  ring_join(&ring, "sin-1", &kFar);
  printf("%ld\n", relay_all(&ring, 1400));
  ring_drop(&ring, "fra-2");
  printf("%ld\n", relay_all(&ring, 900));
  return 0;
}
