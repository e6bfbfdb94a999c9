#include "v1/codec.h"

int reader_level(const char* name) {
  struct codec* codec = codec_open(name, 6);
  if (codec == 0) return -1;
  codec->calls++;
  return codec_close(codec);
}
