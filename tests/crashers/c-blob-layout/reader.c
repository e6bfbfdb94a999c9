#include "blob.h"

int read_first(const struct blob *blob) {
  if (blob->length == 0) return -1;
  return blob->payload[0];  // CRASH
}
