#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
  char** fields;
  int count;
};

static struct row* row_new(void) {
  struct row* row = calloc(1, sizeof *row);
  if (row == NULL) exit(1);
  row->fields = calloc(8, sizeof *row->fields);
  return row;
}

__attribute__((noinline)) static char* field_escape(const char* text) {
  size_t size = strlen(text);
  char* out = malloc(size + 3);
  char* at = out;
  *at++ = '"';
  for (; *text != '\0'; text++) {
    if (*text == '"') *at++ = '"';
    __asm__("" : "+r"(at));
    *at++ = *text;
  }
  *at++ = '"';
  *at = '\0';
  return out;
}

__attribute__((noinline)) static void row_append(struct row* row, const char* text) {
  char* copy = malloc(strlen(text) + 200);  // CRASH
  strcpy(copy, text);
  row->fields[row->count++] = copy;
}

static int import_line(struct row* row, const char* line) {
  row->fields[row->count++] = field_escape(line);
  row_append(row, line);
  return row->count;
}

int main(void) {
  struct row* row = row_new();
  const char* line = "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"";
  int count = import_line(row, line);
  printf("%d fields\n", count);
  return 0;
}
