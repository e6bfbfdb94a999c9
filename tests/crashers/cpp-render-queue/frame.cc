#include <cstdio>

#include "render.h"

int main() {
  Renderer renderer;
  for (int i = 0; i < 4; ++i) {
    Pass pass;
    pass.order = i;
    pass.target = std::make_unique<Texture>(Texture{"shadow", 256u << i, 256});
    renderer.submit(std::move(pass));
  }
  std::printf("%lu\n", renderer.cost());
}
