#include "router.h"

Backend* Router::pick(unsigned key) const {
  auto backend = backends_[key % backends_.size()].lock();
  if (backend == nullptr) return nullptr;
  return backend.get();
}
