#include <stdio.h>

#include "request.h"

static struct request *waiting[8];
static int count;

void retry_later(const struct request *request) {
  if (count < 8) waiting[count++] = request_clone(request);
}

void retry_all(void) {
  while (count > 0) {
    struct request *request = waiting[--count];
    printf("again %s %zu\n", request->path, request->length);
    request_free(request);
  }
}
