#pragma once
#include <stdint.h>

struct blob {
  uint32_t kind;
  uint32_t length;
#ifdef BLOB_CHECKSUMS
  uint64_t checksum;
#endif
  const uint8_t *payload;
  void *owner;
};

void pack_blob(struct blob *blob, const uint8_t *payload, uint32_t length);
int read_first(const struct blob *blob);
