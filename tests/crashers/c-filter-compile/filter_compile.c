#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef int (*filter_code)(const uint8_t* packet);

struct filter {
  filter_code run;
  size_t size;
  uint8_t* code;
  int hits;
};

static void emit(struct filter* filter, const uint8_t* bytes, size_t count) {
  memcpy(filter->code + filter->size, bytes, count);
  filter->size += count;
}

static int filter_compile(struct filter* filter, uint8_t protocol) {
  static const uint8_t kLoad[] = {0x0f, 0xb6, 0x47, 0x09};
  uint8_t compare[] = {0x3c, protocol};
  static const uint8_t kReturn[] = {0x0f, 0x94, 0xc0, 0x0f, 0xb6, 0xc0, 0xc3};
  filter->code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (filter->code == MAP_FAILED) return -1;
  emit(filter, kLoad, sizeof kLoad);
  emit(filter, compare, sizeof compare);
  emit(filter, kReturn, sizeof kReturn);
  filter->run = (filter_code)(void*)filter->code;
  return 0;
}

__attribute__((noinline)) static int filter_apply(struct filter* filter, const uint8_t* packet) {
  int hit = filter->run(packet);  // CRASH
  filter->hits += hit;
  return hit;
}

static int capture(struct filter* filter, int packets) {
  uint8_t packet[64] = {0x45};
  for (int i = 0; i < packets; i++) {
    packet[9] = i % 2 ? 6 : 17;
    filter_apply(filter, packet);
  }
  return filter->hits;
}

int main(int argc, char** argv) {
  struct filter filter = {0};
  if (filter_compile(&filter, argc > 1 ? 17 : 6) != 0) return 1;
  printf("%d\n", capture(&filter, 10));
  return 0;
}
