#include <stdio.h>

#include "thumb.h"

static int convert(const char *header) {
  struct thumb thumb;
  uint32_t width, height;
  if (sscanf(header, "%ux%u", &width, &height) != 2) return -1;
  if (!thumb_alloc(&thumb, width, height)) return -1;
  fill_rows(&thumb, 0x202020);
  printf("%s %u\n", header, thumb.pixels[0]);
  return 0;
}

int main(void) {
  const char *headers[] = {"64x64", "512x384"};
  for (int i = 0; i < 2; ++i) convert(headers[i]);
  return 0;
}
