#include <stdio.h>
#include <string.h>

#include "profile.h"

__attribute__((noinline)) int open_profile(struct profile *profile, const char *name) {
  profile->root = config_root();
  if (path_length(profile->root, name) >= sizeof(profile->path)) return -1;
  snprintf(profile->path, sizeof(profile->path), "%s/%s", profile->root, name);
  return 0;
}

int main(void) {
  struct profile profile;
  int status = open_profile(&profile, "default.toml");
  printf("%d %s\n", status, profile.path);
  return 0;
}
