#include "window.h"

void window_open(struct window *window, const char *spec) {
  window->length = parse_length(spec);
  window->at = 0;
}

void window_put(struct window *window, long value) { window->values[window->at++ & 31] = value; }

long window_mean(const struct window *window) {
  long sum = 0;
  for (int i = 0; i < window->at; ++i) sum += window->values[i];
  return sum / window->length;  // CRASH
}
