#include <unistd.h>

#include "config.h"

void Loader::publish(int base) {
  shared_.ready.store(true);
  auto* routes = new Routes{};
  for (int& port : routes->ports) port = base++;
  while (!shared_.seen.load()) usleep(1000);
  usleep(200000);
  shared_.routes = routes;
}
