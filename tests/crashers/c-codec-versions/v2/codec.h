#pragma once

struct codec_table {
  long symbols;
  long entries[16];
};

struct codec {
  int level;
  int strategy;
  struct codec_table* table;
  unsigned long dictionary;
};

struct codec* codec_open(const char* name, int level);
int codec_close(struct codec* codec);
