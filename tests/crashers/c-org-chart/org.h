#pragma once

struct unit {
  const char *name;
  struct unit *parent;
  int staff;
};

void move_unit(struct unit *unit, struct unit *under);
int level_of(const struct unit *unit);
