#pragma once
#include <stddef.h>

struct profile {
  const char *root;
  char path[256];
};

const char *config_root(void);
int open_profile(struct profile *profile, const char *name);
size_t path_length(const char *root, const char *name);
