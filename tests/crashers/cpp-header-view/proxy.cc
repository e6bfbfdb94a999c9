#include <cstdio>
#include <cstring>

#include "headers.h"

int main() {
  static char wire[300000] = "Host: a\nAccept: b\nCookie: ";
  std::memset(wire + 26, 'x', sizeof(wire) - 27);
  wire[sizeof(wire) - 1] = '\n';
  int found = 0;
  for (const Header& header : parse_headers(wire, sizeof(wire))) found += matches(header, 'H');
  std::printf("%d\n", found);
}
