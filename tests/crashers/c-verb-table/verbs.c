#include "verbs.h"

#include <stddef.h>

struct verb verbs[4];

void register_verbs(int read_only) {
  verbs[0].name = "get";
  verbs[0].run = run_get;
  verbs[1].name = "put";
  verbs[1].run = read_only ? NULL : run_put;
}
