// Walker: DIEs in the order they stand, without recursion, stepping over subtrees where asked.
#pragma once

#include <cstdint>

#include "binary/dwarf/store.h"
#include "binary/dwarf/unit.h"

namespace inquest::dwarf {

class Walker {
 public:
  // Starts at `top` (depth 0) and ends behind its subtree.
  Walker(Store& store, const Die& top);

  // Moves to the next DIE; false at the end, at damage, and when work ran out.
  bool next();
  const Die& die() const { return die_; }
  int depth() const { return depth_; }
  // next() goes to the next sibling instead of the first child.
  void skip_children() { skip_ = true; }

 private:
  Value read_sibling() const;
  bool step_over_children();

  Store& store_;
  const Unit* unit_ = nullptr;
  Reader reader_;
  Die die_;
  int depth_ = 0;
  bool started_ = false;
  bool skip_ = false;
};

}  // namespace inquest::dwarf
