#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
  const char* at;
  long nodes;
};

static long parse_value(struct reader* reader, char* path, int depth);

__attribute__((noinline)) static void skip_space(struct reader* reader) {  // CRASH-ALSO
  while (isspace((unsigned char)*reader->at)) reader->at++;                // CRASH-ALSO
}

__attribute__((noinline)) static long parse_array(struct reader* reader, char* path,  // CRASH-ALSO
                                                  int depth) {                        // CRASH-ALSO
  char segment[24];
  snprintf(segment, 12, "[%d]", depth % 100);  // CRASH-ALSO
  long count = 0;
  reader->at++;
  skip_space(reader);  // CRASH-ALSO
  while (*reader->at != '\0' && *reader->at != ']') {
    count += parse_value(reader, segment, depth + 1);  // CRASH-ALSO
    if (*reader->at == ',') reader->at++;
  }
  reader->at += *reader->at == ']';
  return count + (path[0] == segment[0]);
}

__attribute__((noinline)) static long parse_value(struct reader* reader, char* path,  // CRASH
                                                  int depth) {                        // CRASH-ALSO
  skip_space(reader);                                                                 // CRASH-ALSO
  reader->nodes++;
  if (*reader->at == '[') return 1 + parse_array(reader, path, depth);  // CRASH-ALSO
  long value = strtol(reader->at, (char**)&reader->at, 10);
  return value + 1;
}

int main(void) {
  const size_t depth = 400000;
  char* text = malloc(depth + 1);
  if (text == NULL) return 1;
  memset(text, '[', depth);
  text[depth] = '\0';
  struct reader reader = {text, 0};
  char root[24] = "$";
  printf("%ld of %ld\n", parse_value(&reader, root, 0), reader.nodes);
  return 0;
}
