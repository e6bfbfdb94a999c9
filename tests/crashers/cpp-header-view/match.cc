#include "headers.h"

bool matches(const Header& header, char first) {
  const char* name = header.name.data();
  return name[0] == first;  // CRASH
}
