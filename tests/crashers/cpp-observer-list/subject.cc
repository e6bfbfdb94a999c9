#include "screen.h"

void Subject::notify(int value) {
  for (Observer* observer : observers_) observer->changed(value);  // CRASH
}
