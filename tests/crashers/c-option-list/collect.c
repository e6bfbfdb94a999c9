#include <stdlib.h>
#include <string.h>

#include "options.h"

struct option *collect_options(const struct option *builtin, int builtins,
                               const struct option *extra, int extras) {
  struct option *all = malloc((size_t)(builtins + extras) * sizeof(*all));
  if (all == NULL) abort();
  memcpy(all, builtin, (size_t)builtins * sizeof(*all));
  memcpy(all + builtins, extra, (size_t)extras * sizeof(*all));
  return all;
}
