#include "pool.h"

Pool::Pool(int workers) {
  for (int i = 0; i < workers; ++i) workers_.emplace_back(new Arena);
}

void Pool::trim() {
  for (Worker& worker : workers_) {
    if (worker.idle()) worker.forget();
  }
}
