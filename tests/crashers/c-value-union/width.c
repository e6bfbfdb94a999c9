#include "value.h"

size_t text_width(const struct value *value) {
  size_t width = 0;
  while (value->as.text[width] != 0) ++width;  // CRASH
  return width;
}
