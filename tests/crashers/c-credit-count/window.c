#include <assert.h>

#include "credit.h"

void window_open(struct window *window, int limit) {
  window->limit = limit;
  window->credits = limit;
  window->sent = 0;
}

void window_send(struct window *window, unsigned bytes) {
  if (window->credits == 0) return;
  --window->credits;
  window->sent += bytes;
}

void window_ack(struct window *window, int acked) {
  window->credits += acked;
  assert(window->credits <= window->limit);  // CRASH
}
