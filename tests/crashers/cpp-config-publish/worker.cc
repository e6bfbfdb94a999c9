#include <unistd.h>

#include <cstdio>
#include <thread>

#include "config.h"

__attribute__((noinline)) int Worker::route(int key) {
  Routes* routes = shared_.routes;
  int port = routes->ports[key & 7];  // CRASH
  ++routed_;
  return port;
}

void Worker::run() {
  while (!shared_.ready.load()) usleep(100);
  shared_.seen.store(true);
  for (int key = 0; key < 100; ++key) std::printf("%d\n", route(key));
}

int main() {
  Shared shared;
  Worker worker(shared);
  std::thread thread([&] { worker.run(); });
  Loader(shared).publish(9000);
  thread.join();
}
