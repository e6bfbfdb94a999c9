#include <stdio.h>

#include "session.h"

static void every_minute(struct session *sessions, int count) {
  for (int i = 0; i < count; ++i) {
    printf("%u: %lu\n", sessions[i].id, sessions[i].stats.bytes);
    stats_clear(&sessions[i].stats);
  }
}

int main(void) {
  static struct codec opus = {"opus", 48};
  static struct session sessions[3];
  for (unsigned i = 0; i < 3; ++i) session_open(&sessions[i], &opus, 100 + i);
  session_frame(&sessions[1], 20);
  every_minute(sessions, 3);
  session_frame(&sessions[1], 40);
  return 0;
}
