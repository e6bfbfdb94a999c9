#pragma once
#include <stddef.h>

struct request {
  char *path;
  unsigned char *body;
  size_t length;
};

struct request *request_new(const char *path, size_t length);
struct request *request_clone(const struct request *from);
void request_free(struct request *request);
void retry_later(const struct request *request);
void retry_all(void);
