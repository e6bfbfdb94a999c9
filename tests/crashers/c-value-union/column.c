#include <stdlib.h>

#include "value.h"

void column_default(struct value *value, const char *spec) {
  value->kind = spec[0] == '=' ? kText : kEmpty;
  if (spec[0] == '#') value->kind = kNumber;
  value->as.text = spec + 1;
  if (spec[0] == '#' || (spec[1] >= '0' && spec[1] <= '9')) {
    value->as.number = strtol(spec + 1, NULL, 10);
  }
}
