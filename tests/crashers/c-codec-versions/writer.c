#include "v2/codec.h"

static long pack(const char* text, long symbols) {
  long bits = 0;
  for (; *text != '\0'; text++) bits += (*text & 7) + symbols;
  return bits / 8;
}

long writer_store(const char* name, const char* text) {
  struct codec* codec = codec_open(name, 9);
  if (codec == 0) return -1;
  long size = pack(text, codec->table->symbols);  // CRASH
  codec_close(codec);
  return size;
}
