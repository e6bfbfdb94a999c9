/* Which faults are being worked on by handlers of the program, thread by thread.
 *
 * A fixed table without locks or thread-local storage, keyed by thread. A handler may leave by
 * longjmp, so that what is noted can be stale: that shows in where its signal frame lies. A handler
 * that changes to a stack of its own looks as if it had left.
 */
#ifndef INQUEST_CAPTURE_HANDLER_PASSING_H
#define INQUEST_CAPTURE_HANDLER_PASSING_H

#include <signal.h>
#include <stdint.h>

struct inq_passing {
  int signal_number;
  siginfo_t* info;
  void* ucontext;
  uintptr_t pc, sp; /* of the fault */
  uintptr_t frame;  /* an address in the frame of our function that calls the handler */
  /* Fault signals that the program wants blocked meanwhile and that we left open. */
  uint64_t blocked;
};

/* What a signal frame says about its fault. */
struct inq_passing inq_passing_of(int signal_number, siginfo_t* info, void* ucontext,
                                  uintptr_t frame);

struct inq_passing_thread;

/* Begins to note; null when there is no room (the handler is called all the same). */
struct inq_passing_thread* inq_passing_begin(const struct inq_passing* fault);
void inq_passing_end(struct inq_passing_thread* thread);

/* The innermost fault that this thread is still working on, or null. `position`: the stack pointer
 * of the code that asks, or that was interrupted. */
struct inq_passing* inq_passing_now(uintptr_t position);

/* Whether a handler of the program calls ours, as the one that was there before, for the fault that
 * it works on. `frame`: an address in our function's frame. */
int inq_passing_calls_us(const void* ucontext, uintptr_t frame);

#endif
