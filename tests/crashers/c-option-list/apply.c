#include "options.h"

int apply_all(const struct option *options, int value) {
  for (const struct option *at = options; at->name != 0; ++at) {
    value = at->apply(value);  // CRASH
  }
  return value;
}
