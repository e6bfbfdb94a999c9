#include <stdlib.h>

#include "thumb.h"

int thumb_alloc(struct thumb *thumb, uint32_t width, uint32_t height) {
  uint16_t count = width * height;
  thumb->pixels = malloc(count * sizeof(uint32_t) + 64);
  thumb->width = width;
  thumb->height = height;
  return thumb->pixels != NULL;
}
