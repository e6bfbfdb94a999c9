#include "pool.h"

long Worker::run(long bytes) {
  long used = arena_->used;  // CRASH
  arena_->used = used + bytes;  // CRASH-ALSO
  ++runs_;
  return used;
}
