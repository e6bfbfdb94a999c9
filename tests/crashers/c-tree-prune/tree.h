#pragma once

struct node {
  int children;
  long weight;
  struct node *child[4];
};

struct node *node_new(long weight);
void node_add(struct node *parent, struct node *child);
void prune(struct node *node, long limit);
long weigh(const struct node *node);
