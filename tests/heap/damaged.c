// Heaps that are damaged in one known way each. argv[1] says which; the address that must be found
// wrong and the block that did it are written into the file "ledger": damage ADDRESS, guilty ADDRESS.
#include <stdio.h>

#include "ledger.h"

static void told(const void *damage, const void *guilty) {
  const int file = open("ledger", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dprintf(file, "damage %lx\nguilty %lx\n", (unsigned long)damage, (unsigned long)guilty);
}

static void overrun(void) {  // text over the size of the next chunk
  char *name = malloc(24), *next = malloc(100);
  malloc(200);
  told(next - 8, name);
  memset(name, 'A', 24 + 8);
}

static void one_byte(void) {  // a terminating NUL clears the next chunk's flags
  char *name = malloc(0x108), *next = malloc(0x108);
  malloc(200);
  told(next - 16, name);
  memset(name, 'n', 0x108);
  name[0x108] = 0;
}

static void freed_write(void) {  // a dangling pointer writes into a block of the tcache
  char *a = malloc(40), *b = malloc(40), *c = malloc(40);
  free(a);
  free(b);
  free(c);
  told(b, b);
  memset(b, 'w', 8);
}

static void freed_large(void) {  // the same in the unsorted bin
  char *a = malloc(5000), *keep = malloc(40);
  free(a);
  (void)keep;
  told(a, a);
  memset(a, 'w', 16);
}

static void top(void) {  // the last block overruns the unused end
  char *last = malloc(60);
  told(last + 72, last);
  memset(last, 0xff, 72 + 8);
}

static void twice(void) {  // both lists take it: other frees lie in between
  void *block[9];
  for (int i = 0; i < 9; ++i) block[i] = malloc(40);
  for (int i = 0; i < 7; ++i) free(block[i]);
  told(block[7], block[7]);
  free(block[7]);
  free(block[8]);
  free(block[7]);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  if (!strcmp(mode, "overrun")) overrun();
  if (!strcmp(mode, "one_byte")) one_byte();
  if (!strcmp(mode, "freed_write")) freed_write();
  if (!strcmp(mode, "freed_large")) freed_large();
  if (!strcmp(mode, "top")) top();
  if (!strcmp(mode, "twice")) twice();
  abort();
}
