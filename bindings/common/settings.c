#include "bindings/common/settings.h"

#include <sys/mman.h>

#include "capture/handler/raw.h"

static union {
  struct inq_fixed value;
  unsigned char
      pages[INQ_PAGE_BYTES > sizeof(struct inq_fixed) ? INQ_PAGE_BYTES : 2 * INQ_PAGE_BYTES];
} fixed __attribute__((aligned(INQ_PAGE_BYTES)));

_Static_assert(sizeof fixed % INQ_PAGE_BYTES == 0, "nothing else stands on these pages");

const struct inq_fixed* inq_fixed(void) { return &fixed.value; }

struct inq_fixed* inq_unfix(void) {
  inq_protect(&fixed, sizeof fixed, PROT_READ | PROT_WRITE);
  return &fixed.value;
}

void inq_fix(void) { inq_protect(&fixed, sizeof fixed, PROT_READ); }
