#include "packet.h"

enum { kHeader = 12 };

__attribute__((noinline)) size_t split_packet(const struct packet *packet, struct body *body) {
  size_t length = packet->length - kHeader;
  store_body(body, packet->bytes + kHeader, length);
  return body->length;
}
