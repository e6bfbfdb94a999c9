#include "feed.h"

#include <unistd.h>

Feed::Feed(const char* source) : state_(new State{source, &total_, 0}) {}

void Feed::stop() {
  delete state_;
  stopped.store(true);
  for (int i = 0; i < 50; ++i) usleep(20000);
}

long Feed::tick() {
  long total = ++*state_->total;  // CRASH
  ++state_->ticks;
  ticks_done.fetch_add(1);
  return total;
}
