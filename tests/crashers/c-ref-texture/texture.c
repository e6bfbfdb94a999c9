#include "texture.h"

#include <stdlib.h>

struct texture *texture_load(unsigned width, unsigned height) {
  struct texture *texture = malloc(sizeof(*texture));
  texture->references = 1;
  texture->width = width;
  texture->height = height;
  texture->pixels = malloc(width * height);
  return texture;
}

__attribute__((noinline)) void texture_release(struct texture *texture) {
  if (--texture->references > 0) return;
  free(texture->pixels);  // CRASH
  texture->pixels = texture->pixels;
}
