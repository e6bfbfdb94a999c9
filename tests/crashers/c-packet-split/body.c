#include <string.h>

#include "packet.h"

__attribute__((noinline)) void store_body(struct body *body, const uint8_t *bytes, size_t length) {
  memmove(body->bytes, bytes, length);  // CRASH
  body->length = length;
}
