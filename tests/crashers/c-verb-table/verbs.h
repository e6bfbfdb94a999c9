#pragma once

struct verb {
  const char *name;
  int (*run)(const char *argument);
  int calls;
};

extern struct verb verbs[4];

void register_verbs(int read_only);
int dispatch(int verb, const char *argument);
int run_get(const char *argument);
int run_put(const char *argument);
