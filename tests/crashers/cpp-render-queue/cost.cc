#include "render.h"

unsigned long texture_cost(const Texture& texture) {
  return 4ul * texture.width * texture.height;  // CRASH
}
