#include "probe.h"

__attribute__((noinline)) static unsigned encode_payload(const struct probe *probe) {
  unsigned sum = 0;
  for (size_t i = 0; i < probe->length; ++i) sum += probe->payload[i];  // CRASH
  return sum;
}

unsigned send_probe(const struct probe *probe) {
  if (probe->ttl <= 0) return 0;
  return encode_payload(probe) ^ (unsigned)probe->ttl;
}
