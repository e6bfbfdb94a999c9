#include <cstdio>

#include "nodes.h"

int main() {
  static const Leaf rent{{1, "rent"}, 0x12345, 2};
  static const Leaf power{{1, "power"}, 0x54321, 2};
  static const Node* const costs[] = {&rent, &power};
  static const Group group{{2, "costs"}, costs, 2};
  const Node* all[] = {&group, &power};
  std::printf("%d\n", visit_all(all, 2));
}
