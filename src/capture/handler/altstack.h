/* Alternate signal stacks with a guard page, one a thread.
 *
 * Without one, the kernel cannot deliver SIGSEGV to a thread whose stack is used up.
 */
#ifndef INQUEST_CAPTURE_HANDLER_ALTSTACK_H
#define INQUEST_CAPTURE_HANDLER_ALTSTACK_H

#include "capture/handler/raw.h"

/* Virtual; a thread that takes no signal touches one page of it. Programs' own handlers run on it
 * too, also those that expected the thread's stack, so that it is generous. */
#define INQ_STACK_BYTES ((size_t)256 * 1024)

/* Stands above the stack, out of reach of its overflow. `start` and `argument` are the
 * caller's.
 */
struct inq_stack {
  void (*start)(void);
  void* argument;
  uintptr_t base; /* of the mapping: the guard page */
};

/* A stack, from those that ended threads left or newly mapped; null when there is no memory. */
struct inq_stack* inq_stack_make(void);
/* Gives it back. It must not be in use. */
void inq_stack_free(struct inq_stack* stack);

/* Makes it the calling thread's, unless that has one: 1 done, 0 not. */
int inq_stack_enter(const struct inq_stack* stack);
/* Takes it away from the calling thread, unless that has set another meanwhile. 0 when it is still
 * in use (the thread runs on it), and must not be freed. */
int inq_stack_leave(const struct inq_stack* stack);

#endif
