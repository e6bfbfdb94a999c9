#include "tree.h"

#include <stdlib.h>

struct node *node_new(long weight) {
  struct node *node = calloc(1, sizeof(*node));
  node->weight = weight;
  return node;
}

void node_add(struct node *parent, struct node *child) { parent->child[parent->children++] = child; }

void prune(struct node *node, long limit) {
  for (int i = 0; i < node->children; ++i) {
    if (node->child[i]->weight >= limit) {
      prune(node->child[i], limit);
      continue;
    }
    free(node->child[i]);
    node->child[i] = NULL;
  }
}
