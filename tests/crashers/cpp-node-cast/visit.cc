#include "nodes.h"

int visit_all(const Node* const* nodes, int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += first_member(*static_cast<const Group*>(nodes[i]));
  return sum;
}
