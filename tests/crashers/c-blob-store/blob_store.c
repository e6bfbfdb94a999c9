#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct blob {
  char name[24];
  uint64_t size;
  char* data;
};

__attribute__((noinline)) static void* xmalloc(size_t size) {
  void* block = malloc(size);
  if (block == NULL) {
    fprintf(stderr, "fatal: out of memory allocating %zu bytes\n", size);
    abort();  // CRASH
  }
  return block;
}

__attribute__((noinline)) static struct blob* blob_read(const char* header) {
  struct blob* blob = xmalloc(sizeof *blob);
  unsigned long long size;
  if (sscanf(header, "%23s %llx", blob->name, &size) != 2) {
    free(blob);
    return NULL;
  }
  blob->size = size;
  blob->data = xmalloc(blob->size);
  blob->data[0] = '\0';
  return blob;
}

static uint64_t store_scan(const char* const* headers) {
  uint64_t bytes = 0;
  for (; *headers != NULL; headers++) {
    struct blob* blob = blob_read(*headers);
    if (blob == NULL) continue;
    bytes += blob->size;
    free(blob->data);
    free(blob);
  }
  return bytes;
}

int main(void) {
  static const char* const kHeaders[] = {"logo.png 3f00", "dump.bin 7ffffffff0000000", NULL};
  printf("%llu\n", (unsigned long long)store_scan(kHeaders));
  return 0;
}
