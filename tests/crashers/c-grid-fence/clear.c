#include "grid.h"

void grid_clear(struct grid *grid) {
  volatile long *cells = grid->cells;
  for (int i = 0; i <= grid->width * 4; ++i) cells[i] = 0;
}
