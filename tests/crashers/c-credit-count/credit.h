#pragma once

struct window {
  int credits;
  int limit;
  unsigned long sent;
};

void window_open(struct window *window, int limit);
void window_send(struct window *window, unsigned bytes);
void window_ack(struct window *window, int acked);
void window_reset_peer(struct window *window, int lost);
