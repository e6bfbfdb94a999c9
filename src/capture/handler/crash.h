/* From the fatal signal to the death of it: the part that runs in a broken process.
 *
 * One thread of a process wins and reports; others that crash meanwhile wait for the end. A fault
 * inside the handler itself comes back here and goes on with the next, more modest step:
 *
 *   ask the language's run time → talk to the supervisor → write a record of one's own → die
 */
#ifndef INQUEST_CAPTURE_HANDLER_CRASH_H
#define INQUEST_CAPTURE_HANDLER_CRASH_H

#include <signal.h>
#include <stdint.h>

/* The fatal signal as the kernel delivered it, or as a handler of the program first saw it. */
struct inq_crash {
  int signal_number;
  siginfo_t* info;
  void* ucontext;
  uint32_t flags; /* INQUEST_REQUEST_* */
};

/* What the run time of a language says of a signal: INQUEST_FAULT_*. `handler`: the program's. */
int inq_crash_judge(const struct inq_crash* crash, uintptr_t handler);

/* Reports the crash, then arranges that the process dies of the signal when the handler returns to
 * `ucontext_here`, the frame it was called with: the caller must return at once. Does not return
 * when the process can only be ended by exit_group(). */
void inq_crash_and_die(const struct inq_crash* crash, void* ucontext_here);

/* The same, but that the program's handler is to end the process. */
void inq_crash_and_hand_on(const struct inq_crash* crash, void* ucontext_here);

/* Reports the crash, or waits until the thread that reports one has done so, and returns: for a
 * process that is about to end in another way. */
void inq_crash_report(const struct inq_crash* crash);

/* Whether this thread is in the middle of one of the two: a fault is then of our own code, and no
 * matter of the program's. */
int inq_crash_is_mine(void);

#endif
