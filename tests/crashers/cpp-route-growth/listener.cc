#include "routes.h"

__attribute__((noinline)) long Listener::accept(int kind) {
  Counters* counters = route_->counters;
  ++counters->slots[kind];  // CRASH
  return ++counters->hits;  // CRASH-ALSO
}
