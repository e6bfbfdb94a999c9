#pragma once

struct settings {
  const char *host;
  const char *spool;
  int retries;
};

void settings_from_env(struct settings *settings);
int spool_depth(const struct settings *settings);
