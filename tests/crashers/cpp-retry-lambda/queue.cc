#include "queue.h"

long Queue::drain() {
  long sum = 0;
  for (auto& job : jobs_) sum += job();
  jobs_.clear();
  return sum;
}

__attribute__((noinline)) long deliver(const Letter& letter) {
  return letter.route->hops * letter.size;  // CRASH
}
