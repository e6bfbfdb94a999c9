#include <unistd.h>

#include <cstdio>
#include <thread>

#include "feed.h"

int main() {
  Feed feed("prices");
  std::thread ticker([&] {
    for (int i = 0; i < 10; ++i) feed.tick();
    while (!feed.stopped.load()) usleep(100);
    for (int i = 0; i < 10; ++i) feed.tick();
  });
  while (feed.ticks_done.load() < 10) usleep(100);
  feed.stop();
  ticker.join();
}
