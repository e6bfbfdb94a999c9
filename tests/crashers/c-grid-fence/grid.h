#pragma once

enum { kCells = 32 };

struct grid {
  int width;
  long cells[kCells];
  const unsigned *palette;
};

void grid_clear(struct grid *grid);
unsigned cell_colour(const struct grid *grid, int at);
