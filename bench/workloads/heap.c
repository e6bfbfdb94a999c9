// Fills GIB (argument, default 4) of heap with small blocks, then dereferences a null member.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct entry {
  struct entry *next;
  char key[40];
  uint64_t *value;
};

__attribute__((noinline)) static uint64_t lookup(const struct entry *entry) { return *entry->value; }

int main(int argc, char **argv) {
  const uint64_t bytes = (argc > 1 ? strtoull(argv[1], NULL, 10) : 4) << 30;
  struct entry *head = NULL;
  for (uint64_t used = 0; used < bytes; used += 144) {
    struct entry *entry = malloc(136);
    entry->next = head;
    memcpy(entry->key, "some key", 9);
    entry->value = NULL;
    head = entry;
  }
  return (int)lookup(head);
}
