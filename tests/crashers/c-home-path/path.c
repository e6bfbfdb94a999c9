#include "profile.h"

size_t path_length(const char *root, const char *name) {
  size_t length = 0;
  while (root[length] != 0) ++length;  // CRASH
  size_t tail = 0;
  while (name[tail] != 0) ++tail;
  return length + 1 + tail;
}
