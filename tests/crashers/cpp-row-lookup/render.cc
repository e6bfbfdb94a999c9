#include "sheet.h"

int render(const Sheet& sheet, int key) {
  const Row* row = sheet.row(key);
  return row_width(row, key % 3);
}
