#include <stdio.h>

#include "credit.h"

static void run(struct window *window, const char *events) {
  for (; *events != 0; ++events) {
    if (*events == 's') window_send(window, 1400);
    if (*events == 'a') window_ack(window, 1);
    if (*events == 'r') window_reset_peer(window, 2);
  }
}

int main(void) {
  struct window window;
  window_open(&window, 4);
  run(&window, "ssasarsasaa");
  printf("%lu\n", window.sent);
  return 0;
}
