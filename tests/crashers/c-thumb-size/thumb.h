#pragma once
#include <stdint.h>

struct thumb {
  uint32_t width, height;
  uint32_t *pixels;
};

int thumb_alloc(struct thumb *thumb, uint32_t width, uint32_t height);
void fill_rows(struct thumb *thumb, uint32_t colour);
