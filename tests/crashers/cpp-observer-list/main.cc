#include "screen.h"

int main() {
  Subject subject;
  Screen screen(subject);
  Panel* first = screen.open();
  screen.open();
  subject.notify(1);
  screen.close(first);
  subject.notify(2);
}
