#include <cstdio>

#include "pool.h"

int main() {
  Pool pool(3);
  std::printf("%ld\n", pool.worker(0).run(10));
  pool.trim();
  for (int i = 0; i < 3; ++i) std::printf("%ld\n", pool.worker(i).run(4));
}
