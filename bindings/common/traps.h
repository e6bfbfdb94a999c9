/* Faults that a run time causes on purpose and mends, told from crashes: for judge(). */
#ifndef INQUEST_BINDINGS_TRAPS_H
#define INQUEST_BINDINGS_TRAPS_H

#include <inquest/handler.h>

/* Whether the program's handler of a fault is in the run time itself (the file that `runtime`, the
 * address of one of its functions, is of; two can be noted). To be noted before, asked in judge().
 */
void inq_note_runtime(const void* runtime);
int inq_is_runtime(const void* handler);

/* For judge(): whether a fault may be one that a run time causes on purpose and mends: in code that
 * it generated, or in a large reservation without any access, such as that behind WebAssembly
 * memory. Guesses towards yes. */
int inq_may_be_trap(const struct inquest_fault* fault);

#endif
