#include <cstdlib>

#include "meter.h"

int main(int argc, char**) {
  Sink sink;
  sink.prefix = "svc.";
  Registry registry(&sink);
  registry.add("requests", "/s", false)->count(17);
  registry.add("cache_hits", "", argc == 1)->count(3);
  registry.flush();
}
