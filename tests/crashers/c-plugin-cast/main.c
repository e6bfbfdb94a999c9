#include <stdio.h>

#include "plugin.h"

static long load = 40;
static struct counter requests = {"requests", 4100, 3};
static struct counter errors = {"errors", 77, 1};
static struct gauge cpu = {"cpu", &load, 2};

static void register_all(void) {
  plugin_register(counter_sample, &requests);
  plugin_register(gauge_sample, &cpu);
  plugin_register(gauge_sample, &errors);
}

int main(void) {
  register_all();
  printf("%ld\n", plugin_run());
  return 0;
}
