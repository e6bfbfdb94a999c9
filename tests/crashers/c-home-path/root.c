#include <stdlib.h>

#include "profile.h"

const char *config_root(void) {
  const char *root = getenv("GAUGE_CONFIG_ROOT");
  if (root == NULL) root = getenv("GAUGE_HOME");
  return root;
}
