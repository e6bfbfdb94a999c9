#include "org.h"

__attribute__((noinline)) int level_of(const struct unit *unit) {  // CRASH-ALSO
  volatile char note[64];
  note[0] = unit->name[0];  // CRASH-ALSO
  if (unit->parent == 0) return 0;
  int above = level_of(unit->parent);  // CRASH
  return above + (note[0] != 0);
}
