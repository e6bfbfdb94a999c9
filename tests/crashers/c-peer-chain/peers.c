#include "peers.h"

#include <stdlib.h>

struct peer *peer_join(struct peers *peers, struct address *address, long now) {
  struct peer *peer = calloc(1, sizeof(*peer));
  if (peer == NULL) return NULL;
  peer->address = address;
  peer->seen = now;
  peer->next = peers->first;
  peers->first = peer;
  ++peers->count;
  return peer;
}

static void peer_drop(struct peers *peers, struct peer *peer) {
  if (peers->first == peer) peers->first = peer->next;
  --peers->count;
  free(peer);
}

void peers_expire(struct peers *peers, long now) {
  struct peer *next;
  for (struct peer *peer = peers->first; peer != NULL; peer = next) {
    next = peer->next;
    if (now - peer->seen > 60) peer_drop(peers, peer);
  }
}

unsigned peers_digest(const struct peers *peers) {
  unsigned digest = 17;
  for (const struct peer *peer = peers->first; peer != NULL; peer = peer->next) {
    digest = digest * 31 + peer->address->ip;  // CRASH
  }
  return digest;
}
