#include "table.h"

long serve(const struct table *table, int fd) {
  int at = handler_of(table, fd);
  return handler_run(&table->handlers[at]);
}
