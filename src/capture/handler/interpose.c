/* Calls of the program and its libraries that come to the preload object first.
 *
 * Dispositions of watched signals are kept for the program instead of given to the kernel, where
 * our handler stays: it then asks what the program wanted (entry.h). The signal mask never blocks
 * what the processor raises, for the kernel kills at once when that is blocked. New threads get an
 * alternate stack. Ends of the process inside a handler of the program are reported.
 *
 * Nothing changes for other signals, and nothing at all when the handler is not installed.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "capture/handler/altstack.h"
#include "capture/handler/crash.h"
#include "capture/handler/entry.h"
#include "capture/handler/libc.h"
#include "capture/handler/passing.h"
#include "capture/handler/process.h"
#include "capture/handler/raw.h"
#include "capture/handler/state.h"
#include "capture/wire/crash_request.h"

#define PUBLIC __attribute__((visibility("default")))

/* Both C libraries keep the kernel's 64 bits at the beginning of sigset_t. */
static uint64_t bits(const sigset_t* set) { return *(const uint64_t*)(const void*)set; }
static void put_bits(sigset_t* set, uint64_t value) { *(uint64_t*)(void*)set = value; }

static int fail(int error) {
  inq_set_errno(error);
  return -1;
}

/* --- dispositions ------------------------------------------------------------------------------
 */

struct change {
  int index;
  struct inq_disposition to;
};

static void put_disposition(struct inq_state* state, const void* argument) {
  const struct change* change = argument;
  inq_set_disposition(state, change->index, change->to.handler, change->to.flags, change->to.mask);
}

static int keeps(int signal_number) {
  return inq_watched_index(signal_number) >= 0 && inq_is_interposed() && !inq_is_vfork_child();
}

static long change_disposition(int signal_number, const struct inq_disposition* to,
                               struct inq_disposition* old) {
  int index = inq_watched_index(signal_number);
  if (old != NULL) *old = inq_wanted(index);
  if (to == NULL) return 0;
  struct change change = {.index = index, .to = *to};
  long result = inq_state_change(put_disposition, &change);
  return result < 0 ? result : inq_watch(index, to);
}

typedef int (*sigaction_function)(int, const struct sigaction*, struct sigaction*);

static int next_sigaction(int signal_number, const struct sigaction* action,
                          struct sigaction* old) {
  static sigaction_function next;
  if (next == NULL) next = (sigaction_function)inq_next("sigaction");
  return next == NULL ? fail(ENOSYS) : next(signal_number, action, old);
}

PUBLIC int sigaction(int signal_number, const struct sigaction* action, struct sigaction* old) {
  if (!keeps(signal_number)) return next_sigaction(signal_number, action, old);
  struct inq_disposition to, before;
  if (action != NULL) {
    to = (struct inq_disposition){.handler = (uintptr_t)action->sa_handler,
                                  .flags = (uint32_t)action->sa_flags,
                                  .mask = bits(&action->sa_mask)};
  }
  long result = change_disposition(signal_number, action != NULL ? &to : NULL, &before);
  if (result < 0) return fail((int)-result);
  if (old != NULL) {
    inq_zero(old, sizeof *old);
    old->sa_handler = (sighandler_t)before.handler;
    old->sa_flags = (int)(uint32_t)before.flags;
    put_bits(&old->sa_mask, before.mask);
  }
  return 0;
}

static sighandler_t set_handler(int signal_number, sighandler_t handler, int flags, int masked) {
  struct sigaction action, old;
  inq_zero(&action, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = flags;
  if (masked && signal_number > 0 && signal_number <= 64)
    put_bits(&action.sa_mask, INQ_BIT(signal_number));
  if (handler == SIG_ERR || sigaction(signal_number, &action, &old) != 0) {
    if (handler == SIG_ERR) inq_set_errno(EINVAL);
    return SIG_ERR;
  }
  return old.sa_handler;
}

typedef sighandler_t (*signal_function)(int, sighandler_t);

/* Other signals go on to the library's own signal(), which knows of siginterrupt(). */
static sighandler_t bsd_style(const char* name, int signal_number, sighandler_t handler) {
  if (keeps(signal_number)) return set_handler(signal_number, handler, SA_RESTART, 1);
  signal_function next = (signal_function)inq_next(name);
  return next != NULL ? next(signal_number, handler)
                      : set_handler(signal_number, handler, SA_RESTART, 1);
}

PUBLIC sighandler_t signal(int signal_number, sighandler_t handler) {
  return bsd_style("signal", signal_number, handler);
}

PUBLIC sighandler_t bsd_signal(int signal_number, sighandler_t handler) {
  return bsd_style("signal", signal_number, handler);
}

PUBLIC sighandler_t ssignal(int signal_number, sighandler_t handler) {
  return bsd_style("signal", signal_number, handler);
}

PUBLIC sighandler_t __sysv_signal(int signal_number, sighandler_t handler) {
  return set_handler(signal_number, handler, (int)(SA_RESETHAND | SA_NODEFER), 0);
}

PUBLIC sighandler_t sysv_signal(int signal_number, sighandler_t handler) {
  return __sysv_signal(signal_number, handler);
}

/* --- the signal mask ---------------------------------------------------------------------------
 */

/* A handler of the program that changes the mask changes what a second fault means. */
static void note_mask(int how, uint64_t set) {
  struct inq_passing* working = inq_passing_now((uintptr_t)&set);
  if (working == NULL) return;
  if (how == SIG_BLOCK) working->blocked |= set & inq_fault_signals();
  if (how == SIG_UNBLOCK) working->blocked &= ~set;
  if (how == SIG_SETMASK) working->blocked = set & inq_fault_signals();
}

typedef int (*mask_function)(int, const sigset_t*, sigset_t*);

static int change_mask(mask_function next, int how, const sigset_t* set, sigset_t* old) {
  if (set == NULL || !inq_is_interposed()) return next(how, set, old);
  note_mask(how, bits(set));
  if (how == SIG_UNBLOCK) return next(how, set, old);
  sigset_t open = *set;
  put_bits(&open, bits(set) & ~inq_fault_signals());
  return next(how, &open, old);
}

PUBLIC int pthread_sigmask(int how, const sigset_t* set, sigset_t* old) {
  static mask_function next;
  if (next == NULL) next = (mask_function)inq_next("pthread_sigmask");
  return next == NULL ? ENOSYS : change_mask(next, how, set, old);
}

PUBLIC int sigprocmask(int how, const sigset_t* set, sigset_t* old) {
  static mask_function next;
  if (next == NULL) next = (mask_function)inq_next("sigprocmask");
  return next == NULL ? fail(ENOSYS) : change_mask(next, how, set, old);
}

/* --- threads -----------------------------------------------------------------------------------
 */

typedef void* (*start_function)(void*);
typedef int (*create_function)(pthread_t*, const pthread_attr_t*, start_function, void*);

static void* inq_thread_begins(void* argument) {
  struct inq_stack* stack = argument;
  start_function start = stack->start;
  void* its_argument = stack->argument;
  uint64_t faults = inq_fault_signals();
  inq_sigprocmask(SIG_UNBLOCK, &faults, NULL);
  if (inq_free_stack_at_exit(stack)) {
    inq_stack_enter(stack);
  } else {
    inq_stack_free(stack);
  }
  return start(its_argument);
}

PUBLIC int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, start_function start,
                          void* argument) {
  static create_function next;
  if (next == NULL) next = (create_function)inq_next("pthread_create");
  if (next == NULL) return EAGAIN;
  struct inq_stack* stack = inq_is_interposed() ? inq_stack_make() : NULL;
  if (stack == NULL) return next(thread, attributes, start, argument);
  stack->start = start;
  stack->argument = argument;
  int error = next(thread, attributes, inq_thread_begins, stack);
  if (error != 0) inq_stack_free(stack);
  return error;
}

/* --- ends of the process -----------------------------------------------------------------------
 */

static void report_end(void) {
  struct inq_crash crash;
  if (!inq_is_interposed() || !inq_handler_is_working_on(&crash)) return;
  crash.flags |= INQUEST_REQUEST_ENDS_BY_EXIT;
  inq_crash_report(&crash);
}

typedef void (*exit_function)(int) __attribute__((noreturn));

static void end(const char* name, int status) {
  report_end();
  exit_function next = (exit_function)inq_next(name);
  if (next != NULL) next(status);
  inq_exit_group(status & 0xff);
}

PUBLIC __attribute__((noreturn)) void exit(int status) {
  end("exit", status);
  __builtin_unreachable();
}

PUBLIC __attribute__((noreturn)) void _exit(int status) {
  end("_exit", status);
  __builtin_unreachable();
}

PUBLIC __attribute__((noreturn)) void _Exit(int status) {
  end("_Exit", status);
  __builtin_unreachable();
}

PUBLIC __attribute__((noreturn)) void quick_exit(int status) {
  end("quick_exit", status);
  __builtin_unreachable();
}
