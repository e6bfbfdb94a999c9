#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kHeader = 8 };

struct chunk {
  uint32_t length;
  uint32_t kind;
  uint8_t body[];
};

struct stream {
  uint8_t* data;
  size_t size;
  size_t at;
};

static void stream_chunk(struct stream* stream, uint32_t length, uint32_t kind) {
  struct chunk header = {length, kind};
  memcpy(stream->data + stream->size, &header, sizeof header);
  stream->size += length > kHeader ? length : kHeader;
}

static const struct chunk* stream_next(struct stream* stream) {
  if (stream->at + kHeader > stream->size) return NULL;
  const struct chunk* chunk = (const struct chunk*)(stream->data + stream->at);
  stream->at += chunk->length > kHeader ? chunk->length : kHeader;
  return chunk;
}

__attribute__((noinline)) static uint32_t chunk_copy(const struct chunk* chunk, uint8_t* out) {
  uint32_t size = chunk->length - kHeader;
  memcpy(out, chunk->body, size);  // CRASH
  return size;
}

static uint64_t stream_read(struct stream* stream, uint8_t* out) {
  uint64_t total = 0;
  for (const struct chunk* chunk; (chunk = stream_next(stream)) != NULL;)
    total += chunk_copy(chunk, out);
  return total;
}

int main(void) {
  struct stream stream = {malloc(4096), 0, 0};
  uint8_t* out = malloc(4096);
  if (stream.data == NULL || out == NULL) return 1;
  stream_chunk(&stream, 64, 1);
  stream_chunk(&stream, 4, 2);
  printf("%llu\n", (unsigned long long)stream_read(&stream, out));
  return 0;
}
