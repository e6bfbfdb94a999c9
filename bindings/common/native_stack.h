/* The native frames of the thread that crashed, one a line as backtrace_symbols(3) writes them.
 *
 * For a forked child that still runs on top of the signal frame: the C library's unwinder, which
 * may allocate and lock, goes through it. Where there is none, or it finds nothing (Bun has no
 * unwind tables), the chain of frame pointers is followed.
 */
#ifndef INQUEST_BINDINGS_NATIVE_STACK_H
#define INQUEST_BINDINGS_NATIVE_STACK_H

#include <stddef.h>

/* Lets the C library load its unwinder now rather than in the child. */
void inq_native_stack_prepare(void);

/* Makes room for what is printed, where parent and later steps see it. 0 when there is no memory.
 */
int inq_native_stack_keep(void);

/* Writes the frames of `ucontext` (a step of inq_child_run). */
void inq_native_stack_print(void* ucontext);

/* What was printed, without the headline; empty when nothing was. */
const char* inq_native_stack_kept(size_t* size);

#endif
