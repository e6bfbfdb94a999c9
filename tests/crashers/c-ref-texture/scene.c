#include "texture.h"

void scene_add(struct scene *scene, struct texture *texture) {
  scene->textures[scene->count++] = texture;
}

void scene_drop(struct scene *scene) {
  while (scene->count > 0) texture_release(scene->textures[--scene->count]);
}
