#pragma once

struct window {
  int length;
  long values[32];
  int at;
};

int parse_length(const char *text);
void window_open(struct window *window, const char *spec);
void window_put(struct window *window, long value);
long window_mean(const struct window *window);
