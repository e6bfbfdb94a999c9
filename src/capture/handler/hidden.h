/* Which memory the program or its administrator keeps out of cores: MADV_DONTDUMP (often keys and
 * passwords) and /proc/self/coredump_filter (man 5 core). The handler's own record keeps to it.
 *
 * Of the filter bits 0, 1 and 3 count. Private mappings of files (bit 2) are saved where something
 * points to them: code, as it stands in the file, and what the program has written over it. Huge
 * pages and DAX (bits 5 to 8) count as other memory. */
#ifndef INQUEST_CAPTURE_HANDLER_HIDDEN_H
#define INQUEST_CAPTURE_HANDLER_HIDDEN_H

#include "capture/handler/ranges.h"

enum { kInqHiddenRanges = 256 };

struct inq_hidden {
  int known; /* 0: the kernel did not tell */
  int full;  /* behind the last range everything counts as hidden */
  size_t count;
  uint32_t filter;       /* the bits of coredump_filter */
  struct inq_range last; /* the mapping whose lines are being read */
  struct inq_range at[kInqHiddenRanges];
};

/* Reads /proc/self/smaps and coredump_filter. Costs what the kernel needs to walk over the page
 * tables: milliseconds for large processes. */
void inq_find_hidden(struct inq_hidden* out);

int inq_is_hidden(const struct inq_hidden* hidden, uintptr_t address);

/* One line of smaps, with its newline. Pure. */
void inq_hidden_line(struct inq_hidden* out, const char* line, size_t size);

#endif
