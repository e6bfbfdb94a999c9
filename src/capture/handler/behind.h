/* The fault behind a signal that a handler sent itself.
 *
 * A handler that came after us in the kernel's table (faulthandler, when it is enabled late)
 * prints, puts back what was there before, which is us, and raises the signal: what we get then is
 * a signal that the process sent to itself. The fault's own frame lies further up on that stack.
 */
#ifndef INQUEST_CAPTURE_HANDLER_BEHIND_H
#define INQUEST_CAPTURE_HANDLER_BEHIND_H

#include "capture/handler/crash.h"

/* Looks for it from the stack pointer of the signal up, at most 64 KiB; `info` takes the siginfo,
 * where the frame has none as its registers tell it. 1 and `fault` when one is found. Only for
 * SIGSEGV, and not on AArch64, whose frames carry no mark. */
int inq_fault_behind(const struct inq_crash* sent, siginfo_t* info, struct inq_crash* fault);

#endif
