#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct usage {
  char tenant[16];
  int bytes;
};

struct meter {
  struct usage usages[16];
  int count;
};

static void meter_record(struct meter* meter, const char* line) {
  struct usage* usage = &meter->usages[meter->count];
  if (sscanf(line, "%15s %d", usage->tenant, &usage->bytes) == 2) meter->count++;
}

__attribute__((noinline)) static int meter_total(const struct meter* meter, const char* tenant) {
  int total = 0;
  for (int i = 0; i < meter->count; i++)
    if (strcmp(meter->usages[i].tenant, tenant) == 0) total += meter->usages[i].bytes;  // CRASH
  return total;
}

static int meter_bill(const struct meter* meter) {
  static const char* const kTenants[] = {"acme", "globex"};
  int cents = 0;
  for (int i = 0; i < 2; i++) cents += meter_total(meter, kTenants[i]) / 10000000;
  return cents;
}

int main(void) {
  struct meter* meter = calloc(1, sizeof *meter);
  if (meter == NULL) return 1;
  meter_record(meter, "acme 900000000");
  meter_record(meter, "globex 2000000000");
  meter_record(meter, "acme 800000000");
  meter_record(meter, "globex 1000000000");
  printf("%d\n", meter_bill(meter));
  return 0;
}
