#include <cstdio>

#include "queue.h"

static const Route routes[] = {{"relay-1", 2}, {"relay-2", 5}};

__attribute__((noinline)) static void schedule(Queue& queue, int route, long size) {
  char log[400];
  Letter letter{&routes[route], size};
  std::snprintf(log, sizeof(log), "%s %ld", letter.route->host, letter.size);
  queue.push([&letter] { return deliver(letter); });
  std::puts(log);
}

__attribute__((noinline)) static unsigned digest(int seed) {
  volatile unsigned char block[1500];
  unsigned sum = 0;
  for (int i = 0; i < 1500; ++i) block[i] = static_cast<unsigned char>(seed * 7 | 0x90);
  for (int i = 0; i < 1500; ++i) sum = sum * 131 + block[i];
  return sum;
}

int main() {
  Queue queue;
  schedule(queue, 1, 300);
  std::printf("%u\n", digest(11));
  std::printf("%ld\n", queue.drain());
}
