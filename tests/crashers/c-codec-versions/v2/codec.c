#include "codec.h"

#include <stdlib.h>

struct codec* codec_open(const char* name, int level) {
  struct codec* codec = calloc(1, sizeof *codec);
  if (codec == NULL) return NULL;
  codec->table = calloc(1, sizeof *codec->table);
  codec->dictionary = (unsigned long)name[0];
  codec->level = level;
  return codec;
}

int codec_close(struct codec* codec) {
  int level = codec->level;
  free(codec->table);
  free(codec);
  return level;
}
