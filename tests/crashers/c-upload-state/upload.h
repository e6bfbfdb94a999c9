#pragma once
#include <stddef.h>

struct upload {
  int id;
  char *buffer;
  size_t used, size;
  unsigned checksum;
};

int upload_begin(int id, size_t size, const char *checksum);
int upload_chunk(int id, const char *data, size_t length);
