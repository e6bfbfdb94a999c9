#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct batch {
  int id;
  size_t size;
  char* payload;
};

struct uploader {
  struct batch pending[8];
  int count;
  char* spare;
};

static void batch_fill(struct batch* batch, int id, size_t size) {
  batch->id = id;
  batch->size = size;
  batch->payload = malloc(size);
  if (batch->payload == NULL) exit(1);
  memset(batch->payload, 'a' + id, size);
}

static void uploader_retry(struct uploader* uploader, int index) {
  uploader->pending[uploader->count] = uploader->pending[index];
  uploader->pending[uploader->count].id += 1000;
  uploader->count++;
}

__attribute__((noinline)) static void batch_free(struct batch* batch) {
  batch->size = 0;
  free(batch->payload);  // CRASH
}

static void uploader_finish(struct uploader* uploader) {
  for (int i = 0; i < uploader->count; i++) batch_free(&uploader->pending[i]);
  uploader->count = 0;
}

int main(void) {
  struct uploader* uploader = calloc(1, sizeof *uploader);
  if (uploader == NULL) return 1;
  for (int i = 0; i < 3; i++) {
    batch_fill(&uploader->pending[i], i, 6000 + 1000 * (size_t)i);
    uploader->count++;
    uploader->spare = malloc(100);
  }
  uploader_retry(uploader, 2);
  uploader_finish(uploader);
  printf("%d left\n", uploader->count);
  return 0;
}
