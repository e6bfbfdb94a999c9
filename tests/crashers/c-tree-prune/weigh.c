#include "tree.h"

__attribute__((noinline)) long weigh(const struct node *node) {
  long sum = node->weight;  // CRASH
  for (int i = 0; i < node->children; ++i) sum += weigh(node->child[i]);  // CRASH-ALSO
  return sum;
}
