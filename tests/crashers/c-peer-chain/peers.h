#pragma once

struct address {
  unsigned ip;
  unsigned port;
};

struct peer {
  struct peer *next;
  struct address *address;
  long seen;
  char pad[32];
};

struct peers {
  struct peer *first;
  int count;
};

struct peer *peer_join(struct peers *peers, struct address *address, long now);
void peers_expire(struct peers *peers, long now);
unsigned peers_digest(const struct peers *peers);
