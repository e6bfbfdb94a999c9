#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct matrix {
  int rows, columns;
  float* cells;
};

typedef double (*kernel)(const struct matrix* matrix);

__attribute__((noinline)) static double kernel_plain(const struct matrix* matrix) {
  double sum = 0;
  for (int i = 0; i < matrix->rows * matrix->columns; i++) sum += (double)matrix->cells[i];
  return sum;
}

__attribute__((noinline)) static double kernel_tiles(const struct matrix* matrix) {
  double sum = matrix->rows;
  __asm__ volatile("tilezero %%tmm0" ::: "memory");  // CRASH
  return sum + (double)matrix->cells[0];
}

static kernel kernel_select(const char* setting) {
  if (strcmp(setting, "plain") == 0) return kernel_plain;
  return kernel_tiles;
}

static double multiply_all(const char* setting, int count) {
  kernel run = kernel_select(setting);
  struct matrix matrix = {16, 16, calloc(256, sizeof(float))};
  if (matrix.cells == NULL) return -1;
  double sum = 0;
  for (int i = 0; i < count; i++) {
    matrix.cells[i] = (float)i;
    sum += run(&matrix);
  }
  free(matrix.cells);
  return sum;
}

int main(int argc, char** argv) {
  printf("%f\n", multiply_all("plain", 4));
  printf("%f\n", multiply_all(argc > 1 ? argv[1] : "fast", 4));
  return 0;
}
