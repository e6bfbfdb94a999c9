/* A sorted set of memory ranges in fixed room, in whole small pages. Pure. */
#ifndef INQUEST_CAPTURE_HANDLER_RANGES_H
#define INQUEST_CAPTURE_HANDLER_RANGES_H

#include <stddef.h>
#include <stdint.h>

enum { kInqRanges = 512 };

struct inq_range {
  uintptr_t begin, end;
};

struct inq_ranges {
  size_t count;
  size_t bytes; /* of all together */
  int full;     /* something was left out for lack of room */
  struct inq_range at[kInqRanges];
};

/* Adds the page that holds `address`; joins it with its neighbours. 1 when it is new. */
int inq_ranges_add_page(struct inq_ranges* ranges, uintptr_t address);

/* Whether the page that holds `address` is in it. */
int inq_ranges_has(const struct inq_ranges* ranges, uintptr_t address);

#endif
