/* A copy of the dying process, in which anything may be tried: it may fault, hang or allocate, and
 * hurts nobody.
 *
 * The copy has one thread, the one that calls. It works through steps; one that faults or takes too
 * long is given up, and the next is begun. The parent waits for it, and kills it when the time of
 * all steps is over. For a step that may be repeated it makes up to two more copies in that time.
 */
#ifndef INQUEST_BINDINGS_CHILD_H
#define INQUEST_BINDINGS_CHILD_H

#include <stddef.h>
#include <stdint.h>

struct inq_step {
  void (*run)(void* argument);
  void* argument;  /* not on the stack of the signal handler, which is used anew after a fault */
  uintptr_t stack; /* where the step's stack begins, going down; 0: where the caller's is */
  int most_ms;
  /* 1: when it faults for memory that this process has and the copy has not, it is run again in a
   * new copy. Other threads go on while the process dies, and keep memory out of children that they
   * have just mapped (V8's do). */
  int may_repeat;
};

enum { kInqMostSteps = 5 };

/* Runs the steps in a child and waits for it.
 *
 * 0: it came to its end, or was ended at its time; -errno when no child could be made. */
long inq_child_run(const struct inq_step* steps, size_t count);

#endif
