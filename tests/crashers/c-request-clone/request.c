#include "request.h"

#include <stdlib.h>
#include <string.h>

struct request *request_new(const char *path, size_t length) {
  struct request *request = malloc(sizeof(*request));
  request->path = strdup(path);
  request->body = calloc(1, length);
  request->length = length;
  return request;
}

struct request *request_clone(const struct request *from) {
  struct request *request = malloc(sizeof(*request));
  *request = *from;
  request->path = strdup(from->path);
  return request;
}

void request_free(struct request *request) {
  free(request->path);
  free(request->body);  // CRASH
  free(request);
}
