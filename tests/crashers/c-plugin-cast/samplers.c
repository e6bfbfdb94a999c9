#include "plugin.h"

long counter_sample(void *context) {
  struct counter *counter = context;
  counter->total += counter->step;
  return counter->total;
}

long gauge_sample(void *context) {
  struct gauge *gauge = context;
  return *gauge->source * gauge->scale;  // CRASH
}
