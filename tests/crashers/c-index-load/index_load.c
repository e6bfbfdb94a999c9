#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct index {
  const char* base;
  size_t size;
};

static int index_map(struct index* index, const char* path, size_t size) {
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || ftruncate(fd, (off_t)size) != 0) return -1;
  void* base = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  index->base = base;
  index->size = size;
  return base == MAP_FAILED ? -1 : 0;
}

static int compact_elsewhere(const char* path) {
  pid_t child = fork();
  if (child == 0) _exit(truncate(path, 8192) == 0 ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  return status;
}

__attribute__((noinline)) static size_t index_copy(const struct index* index, size_t offset,
                                                   char* out, size_t size) {
  if (offset + size > index->size) return 0;
  memcpy(out, index->base + offset, size);  // CRASH
  return size;
}

static size_t index_page(const struct index* index, int page, char* out) {
  return index_copy(index, (size_t)page * 4096, out, 4096);
}

int main(void) {
  struct index index;
  char* page = malloc(4096);
  if (page == NULL || index_map(&index, "orders.idx", 65536) != 0) return 1;
  if (compact_elsewhere("orders.idx") != 0) return 1;
  size_t copied = 0;
  for (int i = 0; i < 8; i++) copied += index_page(&index, i, page);
  printf("%zu\n", copied);
  return 0;
}
