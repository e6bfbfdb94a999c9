#include <cstdio>

#include "codec.h"

int main() {
  Pipeline pipeline;
  for (const char* kind : {"gain", "dither", "clip"}) pipeline.add(kind);
  std::printf("%d\n", pipeline.run(70));
}
