#include "credit.h"

void window_reset_peer(struct window *window, int lost) {
  window->sent = 0;
  window->limit -= lost;
}
