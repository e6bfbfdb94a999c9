#include <stdio.h>

#include "window.h"

int main(void) {
  static struct window windows[2];
  const char *specs[] = {"8s", "2m"};
  for (int i = 0; i < 2; ++i) window_open(&windows[i], specs[i]);
  for (long v = 10; v < 50; v += 10) {
    window_put(&windows[0], v);
    window_put(&windows[1], v);
  }
  for (int i = 0; i < 2; ++i) printf("%ld\n", window_mean(&windows[i]));
  return 0;
}
