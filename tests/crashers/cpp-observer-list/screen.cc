#include "screen.h"

#include <cstdio>

void Panel::changed(int value) {
  shown_ = value;
  std::printf("%s %d\n", caption_, shown_);
}

Panel* Screen::open() {
  auto* panel = new Panel;
  subject_.watch(panel);
  ++panels_;
  return panel;
}

void Screen::close(Panel* panel) {
  --panels_;
  delete panel;
}
