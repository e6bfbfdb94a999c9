#include <stdio.h>

#include "request.h"

static void handle(const char *path, int busy) {
  struct request *request = request_new(path, 4000);
  if (busy) retry_later(request);
  request_free(request);
}

int main(void) {
  handle("/status", 0);
  handle("/orders", 1);
  retry_all();
  return 0;
}
