#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
  char name[24];
  char needs[3][24];
  int needed;
  int weight;
};

struct graph {
  struct unit units[8];
  int count;
};

static void graph_add(struct graph* graph, const char* line) {
  struct unit* unit = &graph->units[graph->count++];
  unit->needed = sscanf(line, "%23s %23s %23s %23s", unit->name, unit->needs[0], unit->needs[1],
                        unit->needs[2]) -
                 1;
  unit->weight = 1;
}

static struct unit* unit_find(struct graph* graph, const char* name) {     // CRASH-ALSO
  for (int i = 0; i < graph->count; i++)                                   // CRASH-ALSO
    if (strcmp(graph->units[i].name, name) == 0) return &graph->units[i];  // CRASH-ALSO
  return NULL;
}

__attribute__((noinline)) static int resolve_unit(struct graph* graph,  // CRASH
                                                  const char* name) {   // CRASH-ALSO
  char label[64];
  struct unit* unit = unit_find(graph, name);  // CRASH-ALSO
  if (unit == NULL) return 0;
  snprintf(label, sizeof label, "%s needs %d", unit->name, unit->needed);  // CRASH-ALSO
  int weight = unit->weight + (label[0] == '!');
  for (int i = 0; i < unit->needed; i++)
    weight += resolve_unit(graph, unit->needs[i]);  // CRASH-ALSO
  return weight + (label[1] == '!');
}

static void* plan(void* argument) {
  struct graph* graph = argument;
  long weight = resolve_unit(graph, "api.service");
  return (void*)weight;
}

int main(void) {
  struct graph* graph = calloc(1, sizeof *graph);
  if (graph == NULL) return 1;
  graph_add(graph, "api.service db.service cache.service");
  graph_add(graph, "db.service disk.mount");
  graph_add(graph, "disk.mount");
  graph_add(graph, "cache.service auth.service");
  graph_add(graph, "auth.service api.service");
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  pthread_t worker;
  void* weight;
  pthread_create(&worker, &attributes, plan, graph);
  pthread_join(worker, &weight);
  printf("%ld\n", (long)weight);
  return 0;
}
