#include <stdio.h>

#include "tree.h"

int main(void) {
  struct node *root = node_new(100);
  for (long weight = 5; weight < 60; weight += 15) node_add(root, node_new(weight));
  printf("%ld\n", weigh(root));
  prune(root, 30);
  printf("%ld\n", weigh(root));
  return 0;
}
