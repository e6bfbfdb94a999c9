/* Where the kernel enters: decides between the program's own handler and the crash path.
 *
 * The policy, for every watched signal:
 *
 *   default action   the process will die: report, then let it die of this signal
 *   ignored          what the processor raises kills anyway: report; what was sent is ignored
 *   a handler        it goes first. Nothing is reported while it keeps the program alive (null
 *                    checks of the JVM, WebAssembly traps of V8, a longjmp out of it). The crash is
 *                    reported when the handler gives up: when it restores the default action and
 *                    raises the signal or lets it happen again, calls the handler that was there
 *                    before, faults itself with a signal that is not blocked in it, or returns into
 *                    abort(); preloaded, also when it faults with one that is, or ends the process
 *                    with exit() or _exit().
 *
 * Before the program's handler is asked the run time of a language is (inquest_set_reporter): it
 * may know that the fault is none, or that this handler would only let the process die.
 *
 * For that our handler stays the kernel's, and what the program asked for is remembered in the
 * state: see interpose.c for how its later calls come to us.
 */
#ifndef INQUEST_CAPTURE_HANDLER_ENTRY_H
#define INQUEST_CAPTURE_HANDLER_ENTRY_H

#include "capture/handler/crash.h"
#include "capture/handler/state.h"

/* Tells the kernel what `wanted` needs: our handler, or SIG_IGN where only that is right. 0 or
 * -errno. */
long inq_watch(int index, const struct inq_disposition* wanted);

/* Whether this kernel action is our own. */
int inq_is_ours(const struct inq_kernel_action* action);

/* 1 and the fault that a handler of the program is working on in this thread; 0 when none is. */
int inq_handler_is_working_on(struct inq_crash* fault);

#endif
