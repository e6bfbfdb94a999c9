#include "wheel.h"

void Wheel::add(int delay, Callback callback, void* context) {
  entries_.push_back({delay, callback, context});
}

void Wheel::run(int ticks) {
  for (int now = 0; now < ticks; ++now) {
    for (Entry& entry : entries_) {
      if (entry.delay == now) entry.callback(entry.context);
    }
  }
}
