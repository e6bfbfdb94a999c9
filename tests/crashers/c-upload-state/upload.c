#include "upload.h"

#include <stdio.h>
#include <stdlib.h>

static struct upload *uploads[16];

int upload_begin(int id, size_t size, const char *checksum) {
  struct upload *upload = calloc(1, sizeof(*upload));
  if (upload == NULL) return -1;
  upload->id = id;
  upload->size = size;
  uploads[id % 16] = upload;
  if (sscanf(checksum, "%x", &upload->checksum) != 1) return -1;
  upload->buffer = malloc(size);
  return upload->buffer != NULL ? 0 : -1;
}

int upload_chunk(int id, const char *data, size_t length) {
  struct upload *upload = uploads[id % 16];
  if (upload == NULL || upload->used + length > upload->size) return -1;
  for (size_t i = 0; i < length; ++i) {
    upload->buffer[upload->used + i] = data[i];  // CRASH
  }
  upload->used += length;
  return 0;
}
