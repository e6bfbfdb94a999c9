#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct metric {
  char label[24];
  double value;
};

struct registry {
  struct metric metrics[8];
  int count;
};

static double parse_value(const char* text) {
  const char* equals = strchr(text, '=');
  return equals != NULL ? atof(equals + 1) : 0;
}

__attribute__((noinline)) static char* tenant_name(const char* line) {
  const char* end = strchr(line, '=');
  return strndup(line, end != NULL ? (size_t)(end - line) : strlen(line));
}

__attribute__((noinline)) static void metric_label(struct metric* metric, const char* tenant) {
  char label[24];
  strcpy(label, tenant);  // CRASH
  for (char* at = label; *at != '\0'; at++)
    if (*at == '-') *at = '_';
  memcpy(metric->label, label, sizeof label);
}

static void registry_add(struct registry* registry, const char* line) {
  struct metric* metric = &registry->metrics[registry->count++];
  char* tenant = tenant_name(line);
  metric_label(metric, tenant);
  metric->value = parse_value(line);
  free(tenant);
}

int main(void) {
  struct registry* registry = calloc(1, sizeof *registry);
  if (registry == NULL) return 1;
  registry_add(registry, "acme-eu=17.5");
  registry_add(registry, "globex-corporation-asia-pacific-prod=3");
  printf("%s %f\n", registry->metrics[0].label, registry->metrics[1].value);
  return 0;
}
