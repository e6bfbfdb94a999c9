#include "tariffs.h"

__attribute__((noinline)) long price(const Tariff& tariff, int units) {
  return tariff.base + units * tariff.steps[units & 3];  // CRASH
}
