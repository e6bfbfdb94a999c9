/* Ways to die on purpose, to see that a crash is reported. Each does what it says in the calling
 * thread; none comes back, unless a handler of the program mends it. */
#ifndef INQUEST_BINDINGS_CAUSE_H
#define INQUEST_BINDINGS_CAUSE_H

void inq_cause_segfault(void);  /* writes to address 1, as segfault-handler does */
void inq_cause_bus_error(void); /* reads a page behind the end of its file */
void inq_cause_illegal_instruction(void);
void inq_cause_division_by_zero(void); /* AArch64 raises no signal for it: one is sent */
void inq_cause_stack_overflow(void);
void inq_cause_abort(void); /* what abort() does, without the C library */

#endif
