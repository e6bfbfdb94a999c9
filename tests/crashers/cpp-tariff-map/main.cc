#include <cstdio>

#include "tariffs.h"

static void bill(const Tariffs& tariffs, const char* name, int units) {
  std::printf("%s %ld\n", name, price(tariffs.of(name), units));
}

int main() {
  struct {
    Tariffs tariffs;
    long guard[8] = {};
  } all;
  all.tariffs.load("day", 100);
  all.tariffs.load("night", 60);
  bill(all.tariffs, "day", 3);
  bill(all.tariffs, "week-end", 5);
}
