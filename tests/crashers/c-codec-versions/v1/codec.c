#include "codec.h"

#include <stdio.h>
#include <stdlib.h>

struct codec* codec_open(const char* name, int level) {
  struct codec* codec = calloc(1, sizeof *codec);
  if (codec == NULL) return NULL;
  snprintf(codec->name, sizeof codec->name, "%s/v1 level %d", name, level);
  codec->level = level;
  return codec;
}

int codec_close(struct codec* codec) {
  int level = codec->level;
  free(codec);
  return level;
}
