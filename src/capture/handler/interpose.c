/* Calls of the program and its libraries that come to the preload object first.
 *
 * Dispositions of watched signals are kept for the program instead of given to the kernel, where
 * our handler stays: it then asks what the program wanted (entry.h). The signal mask never blocks
 * what the processor raises, for the kernel kills at once when that is blocked. New threads get an
 * alternate stack. Ends of the process inside a handler of the program are reported.
 *
 * Nothing changes for other signals, and nothing at all when the handler is not installed.
 */
#include "capture/handler/interpose.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <threads.h>
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

static int fail(int error) {
  inq_set_errno(error);
  return -1;
}

/* --- what we stand in front of -----------------------------------------------------------------
 */

enum next {
  kSigaction,
  kSignal,
  kPthreadSigmask,
  kSigprocmask,
  kPthreadCreate,
  kThrdCreate,
  kExit,
  kQuickExit,
  kNextCount
};

static struct inq_sought behind_us[kNextCount] = {
    {"sigaction", NULL},   {"signal", NULL},         {"pthread_sigmask", NULL},
    {"sigprocmask", NULL}, {"pthread_create", NULL}, {"thrd_create", NULL},
    {"exit", NULL},        {"quick_exit", NULL},
};

/* Looked up once, by the constructor: several of these are called from signal handlers, where the
 * dynamic linker must not be. A library loaded later may bring what is not there yet. */
static inq_function next(enum next which) {
  if (behind_us[which].found == NULL) inq_find_next(&behind_us[which], 1);
  return behind_us[which].found;
}

void inq_interpose_begin(void) { inq_find_next(behind_us, kNextCount); }

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

typedef long (*change_function)(int, const struct inq_disposition*, struct inq_disposition*);

static long change_disposition(int signal_number, const struct inq_disposition* to,
                               struct inq_disposition* old) {
  int index = inq_watched_index(signal_number);
  *old = inq_wanted(index);
  if (to == NULL) return 0;
  struct change change = {.index = index, .to = *to};
  long result = inq_state_change(put_disposition, &change);
  return result < 0 ? result : inq_watch(index, to);
}

/* Where there is nothing behind us, a program must still be able to work. */
static long change_in_kernel(int signal_number, const struct inq_disposition* to,
                             struct inq_disposition* old) {
  struct inq_kernel_action action, before = {0};
  if (to != NULL)
    action =
        (struct inq_kernel_action){.handler = to->handler, .flags = to->flags, .mask = to->mask};
  long result = inq_sigaction(signal_number, to != NULL ? &action : NULL, &before);
  *old = (struct inq_disposition){
      .handler = before.handler, .flags = before.flags, .mask = before.mask};
  return result;
}

static int change_with(change_function change, int signal_number, const struct sigaction* action,
                       struct sigaction* old) {
  struct inq_disposition to, before;
  if (action != NULL) {
    to = (struct inq_disposition){.handler = (uintptr_t)action->sa_handler,
                                  .flags = (uint32_t)action->sa_flags,
                                  .mask = inq_bits(&action->sa_mask)};
  }
  long result = change(signal_number, action != NULL ? &to : NULL, &before);
  if (result < 0) return fail((int)-result);
  if (old != NULL) {
    inq_zero(old, sizeof *old);
    old->sa_handler = (sighandler_t)before.handler;
    old->sa_flags = (int)(uint32_t)before.flags;
    inq_put_bits(&old->sa_mask, before.mask);
  }
  return 0;
}

typedef int (*sigaction_function)(int, const struct sigaction*, struct sigaction*);

PUBLIC int sigaction(int signal_number, const struct sigaction* action, struct sigaction* old) {
  if (keeps(signal_number)) return change_with(change_disposition, signal_number, action, old);
  sigaction_function real = (sigaction_function)next(kSigaction);
  return real != NULL ? real(signal_number, action, old)
                      : change_with(change_in_kernel, signal_number, action, old);
}

static sighandler_t set_handler(int signal_number, sighandler_t handler, int flags, int masked) {
  struct sigaction action, old;
  inq_zero(&action, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = flags;
  if (masked && signal_number > 0 && signal_number <= 64)
    inq_put_bits(&action.sa_mask, INQ_BIT(signal_number));
  if (handler == SIG_ERR || sigaction(signal_number, &action, &old) != 0) {
    if (handler == SIG_ERR) inq_set_errno(EINVAL);
    return SIG_ERR;
  }
  return old.sa_handler;
}

typedef sighandler_t (*signal_function)(int, sighandler_t);

/* Other signals go on to the library's own signal(), which knows of siginterrupt(). */
PUBLIC sighandler_t signal(int signal_number, sighandler_t handler) {
  signal_function real = (signal_function)next(kSignal);
  if (keeps(signal_number) || real == NULL)
    return set_handler(signal_number, handler, SA_RESTART, 1);
  return real(signal_number, handler);
}

PUBLIC sighandler_t bsd_signal(int signal_number, sighandler_t handler) {
  return signal(signal_number, handler);
}

PUBLIC sighandler_t ssignal(int signal_number, sighandler_t handler) {
  return signal(signal_number, handler);
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

static int change_mask(mask_function real, int how, const sigset_t* set, sigset_t* old) {
  if (set == NULL || !inq_is_interposed()) return real(how, set, old);
  note_mask(how, inq_bits(set));
  if (how == SIG_UNBLOCK) return real(how, set, old);
  sigset_t open = *set;
  inq_put_bits(&open, inq_bits(set) & ~inq_fault_signals());
  return real(how, &open, old);
}

static int plain_mask(int how, const sigset_t* set, sigset_t* old) {
  uint64_t to = set != NULL ? inq_bits(set) : 0, before = 0;
  long result = inq_sigprocmask(how, set != NULL ? &to : NULL, &before);
  if (result < 0) return (int)-result;
  if (old != NULL) {
    inq_zero(old, sizeof *old);
    inq_put_bits(old, before);
  }
  return 0;
}

PUBLIC int pthread_sigmask(int how, const sigset_t* set, sigset_t* old) {
  mask_function real = (mask_function)next(kPthreadSigmask);
  return change_mask(real != NULL ? real : plain_mask, how, set, old);
}

PUBLIC int sigprocmask(int how, const sigset_t* set, sigset_t* old) {
  mask_function real = (mask_function)next(kSigprocmask);
  if (real != NULL) return change_mask(real, how, set, old);
  int error = change_mask(plain_mask, how, set, old);
  return error == 0 ? 0 : fail(error);
}

/* --- threads -----------------------------------------------------------------------------------
 */

/* What the thread was made for is taken out of the stack before that can be given back. */
static struct inq_stack enter_thread(void* argument) {
  struct inq_stack* stack = argument;
  struct inq_stack its = *stack;
  uint64_t faults = inq_fault_signals();
  inq_sigprocmask(SIG_UNBLOCK, &faults, NULL);
  if (inq_free_stack_at_exit(stack)) {
    inq_stack_enter(stack);
  } else {
    inq_stack_free(stack);
  }
  return its;
}

static struct inq_stack* stack_for_thread(inq_function start, void* argument) {
  struct inq_stack* stack = inq_is_interposed() ? inq_stack_make() : NULL;
  if (stack == NULL) return NULL;
  stack->start = start;
  stack->argument = argument;
  return stack;
}

/* Named so that who meets it in a stack knows whose it is. */
static void* inq_thread_begins(void* argument) {
  struct inq_stack its = enter_thread(argument);
  return ((void* (*)(void*))its.start)(its.argument);
}

static int inq_c_thread_begins(void* argument) {
  struct inq_stack its = enter_thread(argument);
  return ((thrd_start_t)its.start)(its.argument);
}

typedef int (*create_function)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
typedef int (*c_create_function)(thrd_t*, thrd_start_t, void*);

PUBLIC int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                          void* (*start)(void*), void* argument) {
  create_function real = (create_function)next(kPthreadCreate);
  if (real == NULL) return EAGAIN;
  struct inq_stack* stack = stack_for_thread((inq_function)start, argument);
  if (stack == NULL) return real(thread, attributes, start, argument);
  int error = real(thread, attributes, inq_thread_begins, stack);
  if (error != 0) inq_stack_free(stack);
  return error;
}

PUBLIC int thrd_create(thrd_t* thread, thrd_start_t start, void* argument) {
  c_create_function real = (c_create_function)next(kThrdCreate);
  if (real == NULL) return thrd_error;
  struct inq_stack* stack = stack_for_thread((inq_function)start, argument);
  if (stack == NULL) return real(thread, start, argument);
  int result = real(thread, inq_c_thread_begins, stack);
  if (result != thrd_success) inq_stack_free(stack);
  return result;
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

static void end(enum next which, int status) {
  report_end();
  exit_function real = (exit_function)next(which);
  if (real != NULL) real(status);
  inq_exit_group(status & 0xff);
}

PUBLIC __attribute__((noreturn)) void exit(int status) {
  end(kExit, status);
  __builtin_unreachable();
}

PUBLIC __attribute__((noreturn)) void quick_exit(int status) {
  end(kQuickExit, status);
  __builtin_unreachable();
}

/* There is nothing behind it but this system call. */
PUBLIC __attribute__((noreturn)) void _exit(int status) {
  report_end();
  inq_exit_group(status & 0xff);
}

/* NOLINTNEXTLINE(bugprone-reserved-identifier): the library's name */
PUBLIC __attribute__((noreturn)) void _Exit(int status) { _exit(status); }
