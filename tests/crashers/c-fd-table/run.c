#include "table.h"

long handler_run(const struct handler *handler) {
  return ++handler->client->bytes;  // CRASH
}
