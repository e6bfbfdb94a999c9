#include "header.h"

const char *trim(const char *text) {
  while (*text == ' ') ++text;  // CRASH
  return text;
}
