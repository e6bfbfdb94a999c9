#include "nodes.h"

int first_member(const Group& group) {
  return group.members[0]->kind;  // CRASH
}
