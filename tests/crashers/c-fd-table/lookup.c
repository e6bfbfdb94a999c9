#include "table.h"

int handler_of(const struct table *table, int fd) {
  for (int i = 0; i < table->used; ++i) {
    if (table->handlers[i].fd == fd) return i;
  }
  return -1;
}
