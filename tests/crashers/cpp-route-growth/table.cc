#include "routes.h"

__attribute__((noinline)) Route& Table::add(const char* prefix, Counters* counters) {
  routes_.push_back({prefix, counters, {}});
  return routes_.back();
}

__attribute__((noinline)) void Table::import_static(int count, Counters* counters) {
  for (int i = 0; i < count; ++i) routes_.push_back({"static", counters, {}});
}
