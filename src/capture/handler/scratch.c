#include "capture/handler/scratch.h"

#include <sys/mman.h>

#include "capture/handler/raw.h"

struct inq_scratch inq_scratch;

void inq_scratch_keep_out_of_cores(void) {
  /* Whole pages: the first and the last may have something else in them. */
  uintptr_t end = (uintptr_t)(&inq_scratch + 1) & ~(uintptr_t)(INQ_PAGE_BYTES - 1);
  uintptr_t begin =
      ((uintptr_t)&inq_scratch + INQ_PAGE_BYTES - 1) & ~(uintptr_t)(INQ_PAGE_BYTES - 1);
  inq_advise((void*)begin, end - begin, MADV_DONTDUMP);
}
