#include <cstdio>
#include <cstring>

#include "routes.h"

int main() {
  static long slots[4];
  static Counters counters{slots, 0};
  Table table;
  Listener listener;
  listener.bind(table.add("/api", &counters));
  std::printf("%ld\n", listener.accept(1));
  table.import_static(12, &counters);
  char* body = new char[sizeof(Route)];
  std::memset(body, 'z', sizeof(Route));
  std::printf("%ld of %zu\n", listener.accept(2), table.size());
  return body[0];
}
