#include <stdio.h>

#include "value.h"

__attribute__((noinline)) static size_t widest(const struct value *row, int count) {
  size_t most = 0;
  for (int i = 0; i < count; ++i) {
    if (row[i].kind != kText) continue;
    size_t width = text_width(&row[i]);
    if (width > most) most = width;
  }
  return most;
}

int main(void) {
  const char *specs[] = {"=unknown", "#7", "=90210"};
  struct value row[3];
  for (int i = 0; i < 3; ++i) column_default(&row[i], specs[i]);
  printf("%zu\n", widest(row, 3));
  return 0;
}
