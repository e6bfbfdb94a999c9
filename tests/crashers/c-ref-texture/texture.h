#pragma once

struct texture {
  int references;
  unsigned width, height;
  unsigned char *pixels;
};

struct scene {
  struct texture *textures[8];
  int count;
};

struct texture *texture_load(unsigned width, unsigned height);
void texture_release(struct texture *texture);
void scene_add(struct scene *scene, struct texture *texture);
void scene_drop(struct scene *scene);
