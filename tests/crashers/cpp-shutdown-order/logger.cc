#include "service.h"

#include <cstdio>

void Logger::line(const char* text) {
  ++lines_;  // CRASH
  std::printf("%s %s\n", prefix_, text);  // CRASH-ALSO
}
