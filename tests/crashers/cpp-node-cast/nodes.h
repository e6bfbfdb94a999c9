#pragma once

struct Node {
  int kind;
  const char* label;
};

struct Leaf : Node {
  long amount;
  long scale;
};

struct Group : Node {
  const Node* const* members;
  int count;
};

int first_member(const Group& group);
int visit_all(const Node* const* nodes, int count);
