#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sink {
  uint64_t bytes;
  uint64_t frames;
};

struct decoder {
  const uint8_t* data;
  size_t size;
  uint32_t window[96];
  struct sink* sink;
  uint32_t flags;
};

__attribute__((noinline)) static uint64_t checksum(const uint8_t* data, size_t size) {
  volatile uint64_t lanes[160];
  uint64_t seed = 0x9e3779b97f4a7c15u;
  for (size_t i = 0; i < 160; i++) lanes[i] = seed ^ data[i % size];
  uint64_t sum = 0;
  for (size_t i = 0; i < 160; i++) sum += lanes[i] * (i + 1);
  return sum;
}

__attribute__((noinline)) static void decoder_open(struct decoder* decoder, const uint8_t* data,
                                                   size_t size, struct sink* sink) {
  decoder->data = data;
  decoder->size = size;
  decoder->flags = data[0];
  if (data[0] == 'H') decoder->sink = sink;
}

__attribute__((noinline)) static void sink_write(struct decoder* decoder, size_t bytes) {
  decoder->sink->bytes += bytes;  // CRASH
  decoder->sink->frames += 1;     // CRASH-ALSO
}

__attribute__((noinline)) static size_t decode_stream(const uint8_t* data, size_t size,
                                                      struct sink* sink) {
  struct decoder decoder;
  decoder_open(&decoder, data, size, sink);
  size_t frames = 0;
  for (size_t at = 0; at + 4 <= size; at += 4) {
    sink_write(&decoder, 4);
    frames++;
  }
  return frames;
}

int main(int argc, char** argv) {
  const char* text = argc > 1 ? argv[1] : "raw stream without any header";
  struct sink* sink = calloc(1, sizeof *sink);
  uint64_t sum = checksum((const uint8_t*)text, strlen(text));
  size_t frames = decode_stream((const uint8_t*)text, strlen(text), sink);
  printf("%zu frames, checksum %llx\n", frames, (unsigned long long)sum);
  return 0;
}
