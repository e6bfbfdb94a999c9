#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kSegmentBytes = 64 << 10 };

struct segment {
  int fd;
  const uint8_t* data;
  size_t size;
};

static int segment_open(struct segment* segment, const char* path) {
  segment->fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (segment->fd < 0 || ftruncate(segment->fd, kSegmentBytes) != 0) return -1;
  segment->size = kSegmentBytes;
  void* data = mmap(NULL, segment->size, PROT_READ, MAP_SHARED, segment->fd, 0);
  segment->data = data;
  return data == MAP_FAILED ? -1 : 0;
}

static int rotate(const char* path, long keep) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return -1;
  int status = ftruncate(fd, keep);
  close(fd);
  return status;
}

__attribute__((noinline)) static uint64_t segment_checksum(const struct segment* segment) {
  const uint64_t* words = (const uint64_t*)segment->data;
  uint64_t sum = 14695981039346656037u;
  for (size_t i = 0; i < segment->size / sizeof *words; i++) {
    sum = (sum ^ words[i]) * 1099511628211u;  // CRASH
  }
  return sum;
}

static int verify(struct segment* segment, const char* path) {
  uint64_t before = segment_checksum(segment);
  if (rotate(path, 4096 * 3) != 0) return -1;
  return before == segment_checksum(segment);
}

int main(void) {
  struct segment segment;
  if (segment_open(&segment, "segment.0001") != 0) return 1;
  printf("verified %d\n", verify(&segment, "segment.0001"));
  return 0;
}
