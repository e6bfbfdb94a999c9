#pragma once
#include <stddef.h>

struct vertex {
  double x, y, z;
};

struct mesh {
  struct vertex *vertices;
  size_t used, capacity;
};

struct cursor {
  struct mesh *mesh;
  struct vertex *next;
};

void mesh_init(struct mesh *mesh, size_t capacity);
void mesh_grow(struct mesh *mesh, size_t capacity);
void mesh_begin(struct cursor *cursor, struct mesh *mesh);
void cursor_put(struct cursor *cursor, double x, double y, double z);
