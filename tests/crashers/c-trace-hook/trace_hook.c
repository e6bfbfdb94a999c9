#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hook {
  char pattern[24];
  long hits;
};

struct tracer {
  struct hook hooks[4];
  int count;
};

static int tracer_add(struct tracer* tracer, const char* pattern) {
  struct hook* hook = &tracer->hooks[tracer->count++];
  snprintf(hook->pattern, sizeof hook->pattern, "%s", pattern);
  return tracer->count;
}

__attribute__((noinline)) static long hook_enter(struct hook* hook, const char* name) {
  hook->hits++;
  if (hook->hits == 3 && strstr(name, hook->pattern) != NULL) {
    __asm__ volatile("int3");  // CRASH
    hook->hits = 0;            // CRASH-ALSO
  }
  return hook->hits;
}

static long trace_call(struct tracer* tracer, const char* name) {
  long hits = 0;
  for (int i = 0; i < tracer->count; i++) hits += hook_enter(&tracer->hooks[i], name);
  return hits;
}

int main(void) {
  struct tracer* tracer = calloc(1, sizeof *tracer);
  if (tracer == NULL) return 1;
  tracer_add(tracer, "commit");
  tracer_add(tracer, "rollback");
  long hits = 0;
  for (int i = 0; i < 5; i++) hits += trace_call(tracer, i % 2 ? "tx.begin" : "tx.commit");
  printf("%ld\n", hits);
  return 0;
}
