#include <stdio.h>
#include <string.h>

#include "probe.h"

__attribute__((noinline)) static unsigned hash_name(const char *name) {
  volatile char scratch[512];
  unsigned sum = 5381;
  size_t length = strlen(name);
  for (size_t i = 0; i < sizeof(scratch); ++i) scratch[i] = name[i % length];
  for (size_t i = 0; i < sizeof(scratch); ++i) sum = sum * 33 + (unsigned)scratch[i];
  return sum;
}

__attribute__((noinline)) static unsigned run_probe(const char *target, int ttl) {
  struct probe probe;
  probe.ttl = ttl;
  probe.target = target;
  probe.length = strlen(target);
  unsigned reply = send_probe(&probe);
  printf("%s: %u\n", probe.target, reply);
  return reply;
}

int main(void) {
  printf("%u\n", hash_name("gateway-a"));
  run_probe("10.0.0.7", 4);
  return 0;
}
