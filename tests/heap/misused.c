// free() called wrongly under jemalloc or tcmalloc, in a thread, then a crash elsewhere. argv[1] says
// how; the block that it happened to is written into the file "ledger": block ADDRESS.
#include <pthread.h>
#include <stdio.h>

#include "ledger.h"

void sdallocx(void *address, size_t size, int flags) __attribute__((weak));

static const char *mode;
static volatile int *nowhere;

static void told(const void *block) {
  const int file = open("ledger", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dprintf(file, "block %lx\n", (unsigned long)block);
}

static void *misuse(void *argument) {
  char *volatile block[8];
  for (int i = 0; i < 8; ++i) block[i] = memset(malloc(160), 'b', 160);
  for (int i = 0; i < 4; ++i) free(block[i]);
  told(block[5]);
  if (!strcmp(mode, "twice")) {
    free(block[5]);
    free(block[6]);
    free(block[5]);
  }
  if (!strcmp(mode, "inside")) free(block[5] + 32);
  if (!strcmp(mode, "size")) sdallocx(block[5], 16, 0);
  if (!strcmp(mode, "freed_write")) {
    free(block[5]);
    free(block[6]);
    memset(block[6], 'w', 8);
    told(block[6]);
  }
  if (!strcmp(mode, "freed")) free(block[5]);
  *nowhere = 1;
  return argument;
}

int main(int argc, char **argv) {
  mode = argc > 1 ? argv[1] : "";
  pthread_t thread;
  if (pthread_create(&thread, NULL, misuse, NULL) != 0) return 2;
  pthread_join(thread, NULL);
  return 0;
}
