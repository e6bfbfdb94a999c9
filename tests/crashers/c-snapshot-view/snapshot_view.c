#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct entry {
  uint64_t key;
  uint64_t value;
  uint32_t visited;
  uint32_t next;
};

struct view {
  struct entry* entries;
  uint32_t count;
};

static int snapshot_write(const char* path, uint32_t count) {
  FILE* file = fopen(path, "wb");
  if (file == NULL) return -1;
  for (uint32_t i = 0; i < count; i++) {
    struct entry entry = {i * 7919u, i, 0, (i + 1) % count};
    fwrite(&entry, sizeof entry, 1, file);
  }
  return fclose(file);
}

static int view_open(struct view* view, const char* path, uint32_t count) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) return -1;
  void* data = mmap(NULL, count * sizeof(struct entry), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (data == MAP_FAILED) return -1;
  view->entries = data;
  view->count = count;
  return 0;
}

__attribute__((noinline)) static uint64_t view_mark(struct view* view, uint32_t index) {
  struct entry* entry = &view->entries[index];
  entry->visited = 1;  // CRASH
  return entry->value + entry->next;
}

static uint64_t view_walk(struct view* view) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < view->count; i += 16) sum += view_mark(view, i);
  return sum;
}

int main(void) {
  struct view view;
  if (snapshot_write("snapshot.bin", 512) != 0 || view_open(&view, "snapshot.bin", 512) != 0)
    return 1;
  printf("%llu\n", (unsigned long long)view_walk(&view));
  return 0;
}
