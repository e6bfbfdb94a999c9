#pragma once

struct stats {
  unsigned long frames, bytes;
  unsigned long histogram[4];
};

struct codec {
  const char *name;
  unsigned rate;
};

struct session {
  struct stats stats;
  struct codec *codec;
  unsigned id;
};

void session_open(struct session *session, struct codec *codec, unsigned id);
void session_frame(struct session *session, unsigned long bytes);
void stats_clear(struct stats *stats);
