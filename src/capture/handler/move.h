/* Moves a signal frame from the alternate stack to where the kernel would have put it.
 *
 * We ask the kernel for the alternate stack always, so that an overflow can be reported. A handler
 * of the program that did not ask for it may count on the stack of its thread: it may be large,
 * look at its callers, or overwrite other memory (redis tests the machine's memory in its handler).
 */
#ifndef INQUEST_CAPTURE_HANDLER_MOVE_H
#define INQUEST_CAPTURE_HANDLER_MOVE_H

#include <signal.h>

typedef void (*inq_signal_function)(int, siginfo_t*, void*);

/* Whether frames can be moved: not on AArch64, nor in a thread with a shadow stack. Where not, a
 * handler that did not ask for the alternate stack must not be given it, and its overflows stay
 * unreported. */
int inq_can_move(void);

/* Whether the frame lies on the thread's alternate stack while the interrupted code did not run
 * there. */
int inq_is_moved_here(const void* ucontext);

/* Goes on in `function` with a copy of the frame below the interrupted stack pointer; returning
 * from it ends the signal. To be called from the function that the kernel called, and nothing
 * deeper. Comes back only when it cannot be done: the stack has no room (the kernel would have
 * killed). */
void inq_move_frame(int signal_number, siginfo_t* info, void* ucontext,
                    inq_signal_function function);

#endif
