#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct summary {
  uint64_t sum;
  uint64_t peak;
};

__attribute__((noinline)) static unsigned read_samples(uint64_t* out, const uint8_t* data,
                                                       unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    uint64_t value = 0x4142434445464748u ^ data[i % 16];
    out[i] = value;
  }
  return count;
}

__attribute__((noinline)) static void unpack_samples(const uint8_t* packet,
                                                     struct summary* summary) {
  uint64_t samples[12];
  unsigned count = read_samples(samples, packet + 1, packet[0]);
  uint64_t peak = 0;
  for (unsigned i = 0; i < 12 && i < count; i++)
    if (samples[i] > peak) peak = samples[i];
  summary->sum += count;
  summary->peak = peak;
}  // CRASH

static int collect(const uint8_t* stream, size_t size, size_t step) {
  struct summary summary = {0, 0};
  int packets = 0;
  for (size_t at = 0; at + step <= size; at += step) {
    unpack_samples(stream + at, &summary);
    packets++;
  }
  printf("%d packets, peak %llu\n", packets, (unsigned long long)summary.peak);
  return packets;
}

int main(void) {
  uint8_t stream[40];
  memset(stream, 7, sizeof stream);
  stream[0] = 10;
  stream[20] = 22;
  return collect(stream, sizeof stream, 20) == 2 ? 0 : 1;
}
