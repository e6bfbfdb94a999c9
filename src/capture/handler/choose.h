/* Which memory the handler's own record holds. Looks at the process it runs in, and asks the kernel
 * before it reads, so that nothing faults. */
#ifndef INQUEST_CAPTURE_HANDLER_CHOOSE_H
#define INQUEST_CAPTURE_HANDLER_CHOOSE_H

#include "capture/handler/crash.h"
#include "capture/handler/hidden.h"
#include "capture/handler/ranges.h"

enum {
  kInqStackBytes = 256 * 1024,   /* from the stack pointer up */
  kInqStackEndBytes = 16 * 1024, /* of the other end: main() and the thread's start */
  kInqPointedPages = 128,        /* pages that words near the stack pointer point to */
  kInqRecordBytes = 4 * 1024 * 1024,
};

/* The stack, the signal frame, what registers and the innermost stack words point to, the code at
 * the program counter, the loader's list of modules, the first page of every module, and [vdso].
 * Memory that the program hides from cores is left out.
 * `maps` is the text of /proc/self/maps, `auxv` the words of /proc/self/auxv; either may be
 * empty. */
void inq_choose(const struct inq_crash* crash, const char* maps, size_t maps_size,
                const uint64_t* auxv, size_t auxv_words, const struct inq_hidden* hidden,
                struct inq_ranges* out);

#endif
