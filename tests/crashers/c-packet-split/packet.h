#pragma once
#include <stddef.h>
#include <stdint.h>

struct packet {
  uint8_t type;
  uint32_t length;
  const uint8_t *bytes;
};

struct body {
  uint8_t *bytes;
  size_t length;
};

void store_body(struct body *body, const uint8_t *bytes, size_t length);
size_t split_packet(const struct packet *packet, struct body *body);
