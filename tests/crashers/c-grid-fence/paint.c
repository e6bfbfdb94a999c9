#include "grid.h"

unsigned cell_colour(const struct grid *grid, int at) {
  return grid->palette[grid->cells[at]] & 0xffffff;  // CRASH
}
