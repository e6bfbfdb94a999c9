#include "org.h"

void move_unit(struct unit *unit, struct unit *under) { unit->parent = under; }
