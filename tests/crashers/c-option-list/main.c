#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

static int twice(int value) { return 2 * value; }
static int next(int value) { return value + 1; }

static const struct option builtin[] = {{"twice", twice}, {"next", next}};
static const struct option extra[] = {{"again", twice}, {"last", next}};

int main(void) {
  char *used[4];
  for (int i = 0; i < 4; ++i) {
    used[i] = malloc(72);
    memset(used[i], 'q', 72);
  }
  for (int i = 0; i < 4; ++i) free(used[i]);
  char *cache = malloc(72);
  memset(cache, 'w', 72);
  struct option *options = collect_options(builtin, 2, extra, 2);
  char *behind = malloc(200);
  memset(behind, 'e', 200);
  printf("%d\n", apply_all(options, 20));
  return cache[0] + behind[0];
}
