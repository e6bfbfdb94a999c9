#pragma once
#include <stddef.h>

enum kind { kText, kNumber, kEmpty };

struct value {
  enum kind kind;
  union {
    const char *text;
    long number;
  } as;
};

void column_default(struct value *value, const char *spec);
size_t text_width(const struct value *value);
