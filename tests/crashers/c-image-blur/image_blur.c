#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kSide = 1736, kChannels = 8 };

struct image {
  int width;
  int height;
  uint8_t* pixels;
};

__attribute__((noinline)) static long blur_rows(uint8_t* scratch, const struct image* image) {
  long sum = 0;
  for (int y = 0; y < image->height; y++) {
    uint8_t* row = scratch + (size_t)y * kSide * kChannels;
    memset(row, image->pixels[y], (size_t)image->width);
    sum += row[0];
  }
  return sum;
}

__attribute__((noinline)) static long blur_tile(const struct image* image) {  // CRASH-ALSO
  uint8_t scratch[kSide * kSide * kChannels];
  scratch[sizeof scratch - 1] = 1;
  long sum = blur_rows(scratch, image);  // CRASH
  return sum + scratch[image->width];
}

static long blur_image(const char* geometry) {
  struct image image;
  if (sscanf(geometry, "%dx%d", &image.width, &image.height) != 2) return -1;
  image.pixels = calloc((size_t)image.width, (size_t)image.height);
  if (image.pixels == NULL) return -1;
  long sum = 0;
  for (int pass = 0; pass < 2; pass++) sum += blur_tile(&image);
  free(image.pixels);
  return sum;
}

int main(int argc, char** argv) {
  printf("%ld\n", blur_image(argc > 1 ? argv[1] : "640x480"));
  return 0;
}
