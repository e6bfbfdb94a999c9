#pragma once

struct codec {
  int level;
  int strategy;
  char name[24];
  long calls;
};

struct codec* codec_open(const char* name, int level);
int codec_close(struct codec* codec);
