#include "session.h"

void session_open(struct session *session, struct codec *codec, unsigned id) {
  stats_clear(&session->stats);
  session->codec = codec;
  session->id = id;
}

void session_frame(struct session *session, unsigned long bytes) {
  session->stats.bytes += bytes * session->codec->rate;  // CRASH
  ++session->stats.frames;
  ++session->stats.histogram[bytes & 3];
}
