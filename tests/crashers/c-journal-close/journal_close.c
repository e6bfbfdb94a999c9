#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct journal {
  char path[64];
  char* buffer;
  size_t used;
  int failed;
};

static struct journal* journal_open(const char* path) {
  struct journal* journal = calloc(1, sizeof *journal);
  if (journal == NULL) exit(1);
  snprintf(journal->path, sizeof journal->path, "%s", path);
  journal->buffer = malloc(200);
  return journal;
}

__attribute__((noinline)) static void journal_release(struct journal* journal) {
  free(journal->buffer);  // CRASH
  journal->used = 0;
}

__attribute__((noinline)) static int journal_append(struct journal* journal, const char* line) {
  size_t size = strlen(line);
  if (journal->used + size > 200) {
    journal->failed = 1;
    journal_release(journal);
    return -1;
  }
  memcpy(journal->buffer + journal->used, line, size);
  journal->used += size;
  return 0;
}

static void journal_close(struct journal* journal) {
  journal_release(journal);
  free(journal);
}

int main(void) {
  struct journal* journal = journal_open("/var/lib/ledger/journal.0");
  int status = 0;
  for (int i = 0; i < 12 && status == 0; i++)
    status = journal_append(journal, "debit 10.00 credit 10.00\n");
  journal_close(journal);
  printf("status %d\n", status);
  return 0;
}
