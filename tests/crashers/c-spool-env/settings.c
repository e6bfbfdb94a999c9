#include "settings.h"

#include <stdlib.h>

static const char *or_else(const char *value, const char *fallback) {
  return value != NULL ? value : fallback;
}

void settings_from_env(struct settings *settings) {
  settings->host = or_else(getenv("RELAY_HOST"), "localhost");
  settings->spool = getenv("RELAY_SPOOL_DIRECTORY");
  settings->retries = 3;
}
