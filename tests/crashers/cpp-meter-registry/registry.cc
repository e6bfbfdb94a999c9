#include "meter.h"

Meter* Registry::add(const char* name, const char* unit, bool hidden) {
  auto meter = std::make_unique<Meter>(name, unit);
  if (!hidden) meter->attach(sink_);
  meters_.push_back(std::move(meter));
  return meters_.back().get();
}

void Registry::flush() {
  for (auto& meter : meters_) meter->report();
}
