#include "sheet.h"

int row_width(const Row* row, int padding) {
  return row->width + 2 * padding;  // CRASH
}
