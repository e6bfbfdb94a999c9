#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "mesh.h"

__attribute__((noinline)) static void load_shape(struct mesh *mesh, size_t points) {
  struct cursor cursor;
  mesh_begin(&cursor, mesh);
  for (size_t i = 0; i < points; ++i) {
    if (i == mesh->capacity) mesh_grow(mesh, 2 * mesh->capacity);
    if (i == mesh->capacity / 2) mesh_grow(mesh, 64 * mesh->capacity);
    cursor_put(&cursor, (double)i, 0, 1);
  }
}

int main(int argc, char **argv) {
  struct mesh mesh;
  mesh_init(&mesh, 16 * 1024);
  load_shape(&mesh, argc > 1 ? strtoul(argv[1], NULL, 10) : 20000);
  printf("%zu\n", mesh.used);
  return 0;
}
