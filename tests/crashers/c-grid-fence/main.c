#include <stdio.h>

#include "grid.h"

int main(void) {
  static const unsigned palette[] = {0x101010, 0xff8800, 0x00ff88};
  struct grid grid = {.width = 8, .palette = palette};
  grid.cells[3] = 2;
  printf("%06x\n", cell_colour(&grid, 3));
  grid_clear(&grid);
  printf("%06x\n", cell_colour(&grid, 3));
  return 0;
}
