#pragma once

typedef long (*sampler)(void *context);

struct counter {
  const char *name;
  long total;
  long step;
};

struct gauge {
  const char *name;
  const long *source;
  long scale;
};

long counter_sample(void *context);
long gauge_sample(void *context);
void plugin_register(sampler sample, void *context);
long plugin_run(void);
