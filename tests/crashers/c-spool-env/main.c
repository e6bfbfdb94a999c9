#include <stdio.h>

#include "settings.h"

static void relay(const struct settings *settings) {
  for (int i = 0; i < settings->retries; ++i)
    printf("%s: depth %d\n", settings->host, spool_depth(settings));
}

int main(void) {
  struct settings settings;
  settings_from_env(&settings);
  relay(&settings);
  return 0;
}
