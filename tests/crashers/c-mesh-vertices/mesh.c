#include "mesh.h"

#include <stdlib.h>
#include <sys/mman.h>

void mesh_init(struct mesh *mesh, size_t capacity) {
  mesh->vertices = malloc(capacity * sizeof(struct vertex));
  mesh->used = 0;
  mesh->capacity = capacity;
}

void mesh_grow(struct mesh *mesh, size_t capacity) {
  struct vertex *moved = realloc(mesh->vertices, capacity * sizeof(struct vertex));
  if (moved == NULL) abort();
  mesh->vertices = moved;
  mesh->capacity = capacity;
}

void mesh_begin(struct cursor *cursor, struct mesh *mesh) {
  cursor->mesh = mesh;
  cursor->next = mesh->vertices;
}

void cursor_put(struct cursor *cursor, double x, double y, double z) {
  struct vertex *at = cursor->next;
  at->x = x;  // CRASH
  at->y = y;  // CRASH-ALSO
  at->z = z;  // CRASH-ALSO
  cursor->next = at + 1;  // CRASH-ALSO
  ++cursor->mesh->used;
}
