#include <stdio.h>

int reader_level(const char* name);
long writer_store(const char* name, const char* text);

static long convert(const char* name, const char* text) {
  int level = reader_level(name);
  if (level < 0) return -1;
  return level + writer_store(name, text);
}

int main(void) {
  printf("%ld\n", convert("deflate", "it was the best of times, it was the worst of times"));
  return 0;
}
