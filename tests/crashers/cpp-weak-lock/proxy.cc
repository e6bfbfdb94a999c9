#include <cstdio>

#include "router.h"

__attribute__((noinline)) static int forward(const Router& router, unsigned key, long bytes) {
  return send_to(router.pick(key), bytes);
}

int main() {
  Router router;
  std::vector<std::shared_ptr<Backend>> backends;
  for (int i = 0; i < 3; ++i) {
    backends.push_back(std::make_shared<Backend>());
    backends.back()->port = 9000 + i;
    router.add(backends.back());
  }
  std::printf("%d\n", forward(router, 1, 200));
  backends.pop_back();
  for (unsigned key = 0; key < 3; ++key) std::printf("%d\n", forward(router, key, 100));
}
