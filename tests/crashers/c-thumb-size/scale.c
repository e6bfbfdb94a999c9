#include "thumb.h"

void fill_rows(struct thumb *thumb, uint32_t colour) {
  for (uint32_t y = 0; y < thumb->height; ++y) {
    for (uint32_t x = 0; x < thumb->width; ++x) {
      thumb->pixels[y * thumb->width + x] = colour + x;  // CRASH
    }
  }
}
