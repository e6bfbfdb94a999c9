#include <stdio.h>

#include "texture.h"

int main(void) {
  struct scene scene = {.count = 0};
  struct texture *sky = texture_load(16, 16);
  scene_add(&scene, sky);
  printf("%d textures\n", scene.count);
  scene_drop(&scene);
  texture_release(sky);
  return 0;
}
