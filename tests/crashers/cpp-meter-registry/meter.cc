#include "meter.h"

#include <cstdio>
#include <cstring>

Meter::Meter(const char* name, const char* unit) {
  std::snprintf(name_, sizeof(name_), "%s", name);
  std::snprintf(unit_, sizeof(unit_), "%s", unit);
  value_ = 0;
}

void Meter::attach(Sink* sink) { sink_ = sink; }

void Meter::report() {
  long before = sink_->written;  // CRASH
  sink_->written = before + 1;  // CRASH-ALSO
  std::printf("%s%s %ld%s\n", sink_->prefix.c_str(), name_, value_, unit_);
}
