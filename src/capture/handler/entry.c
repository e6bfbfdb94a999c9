#include "capture/handler/entry.h"

#include <ucontext.h>

#include "capture/handler/behind.h"
#include "capture/handler/move.h"
#include "capture/handler/passing.h"
#include "capture/handler/public.h"
#include "capture/handler/raw.h"
#include "capture/handler/registers.h"
#include "capture/wire/crash_request.h"

static void on_signal(int signal_number, siginfo_t* info, void* ucontext);

static int is_function(uintptr_t handler) {
  return handler != (uintptr_t)SIG_DFL && handler != (uintptr_t)SIG_IGN;
}

int inq_is_ours(const struct inq_kernel_action* action) {
  return action->handler == (uintptr_t)on_signal;
}

static uint64_t blocked_by(const struct inq_disposition* wanted, int signal_number) {
  return wanted->mask | ((wanted->flags & SA_NODEFER) == 0 ? INQ_BIT(signal_number) : 0);
}

long inq_watch(int index, const struct inq_disposition* wanted) {
  int signal_number = inq_watched_signal(index);
  uint64_t faults = inq_fault_signals();
  struct inq_kernel_action action = {.handler = (uintptr_t)on_signal};
  action.flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  if (is_function(wanted->handler) && !inq_can_move())
    action.flags = SA_SIGINFO | SA_NODEFER | (wanted->flags & SA_ONSTACK);
  if (wanted->handler == (uintptr_t)SIG_DFL) {
    action.mask = ~faults;
  } else if (is_function(wanted->handler)) {
    action.flags |= wanted->flags & SA_RESTART;
    action.mask = blocked_by(wanted, signal_number);
    /* Faults inside the program's handler shall come to us. That can be done without changing what
     * the program sees only where its calls for the signal mask come to us too. */
    if (inq_is_interposed()) action.mask &= ~faults;
  } else if ((INQ_BIT(signal_number) & faults) != 0) {
    action.flags |= SA_RESTART;
  } else {
    /* exec hands it on, and no system call is interrupted. */
    action = (struct inq_kernel_action){.handler = (uintptr_t)SIG_IGN};
  }
  return inq_sigaction(signal_number, &action, NULL);
}

static uint32_t stack_flag(const ucontext_t* context) {
  const stack_t* stack = &context->uc_stack;
  return inq_is_on(stack, (uintptr_t)&stack) ? INQUEST_REQUEST_ON_ALTERNATE_STACK : 0;
}

/* Sent by a process (kill, raise, a timer), not raised by an instruction. */
static int was_sent(const siginfo_t* info) { return info->si_code <= 0; }

/* The program's handler runs with this signal blocked; the kernel would have kept it until then. */
static void hold_back(int signal_number, const siginfo_t* info, ucontext_t* context) {
  uint64_t set = INQ_BIT(signal_number);
  inq_sigprocmask(SIG_BLOCK, &set, NULL);
  inq_put_bits(&context->uc_sigmask, inq_bits(&context->uc_sigmask) | set);
  inq_queue_signal(inq_getpid(), inq_gettid(), signal_number, info);
}

static void put_default(struct inq_state* state, const void* index) {
  inq_set_disposition(state, *(const int*)index, (uintptr_t)SIG_DFL, 0, 0);
}

/* SA_RESETHAND: the kernel forgets the handler before it calls it. */
static void forget_handler(int index) {
  inq_state_change(put_default, &index);
  struct inq_disposition wanted = inq_wanted(index);
  inq_watch(index, &wanted);
}

static void call(const struct inq_disposition* wanted, int signal_number, siginfo_t* info,
                 void* ucontext) {
  if ((wanted->flags & SA_SIGINFO) != 0) {
    ((void (*)(int, siginfo_t*, void*))wanted->handler)(signal_number, info, ucontext);
  } else {
    ((void (*)(int))wanted->handler)(signal_number);
  }
}

/* A return address without the signature that AArch64 may have put above it. */
static const uintptr_t kAddressBits = (UINT64_C(1) << 48) - 1;

/* abort() does not come back: when its signal's handler returns, it dies by ways that we do not
 * see. Its return address stands a few small frames above the system call. */
static int was_in_abort(const siginfo_t* info, const void* ucontext) {
  int damaged;
  const struct inq_state* state = inq_whole_state(&damaged);
  if (state == NULL || state->abort_begin == 0 || info->si_code != SI_TKILL ||
      info->si_pid != inq_getpid())
    return 0;
  enum { kWords = 128 };
  uintptr_t sp = inq_sp_of(ucontext) & ~(uintptr_t)7;
  for (uintptr_t at = sp; at < sp + kWords * sizeof(uintptr_t); at += sizeof(uintptr_t)) {
    if ((at == sp || at % INQ_SMALL_PAGE == 0) && !inq_readable(at)) return 0;
    uintptr_t word = *(const uintptr_t*)at & kAddressBits;
    if (word > state->abort_begin && word <= state->abort_end) return 1;
  }
  return 0;
}

/* Whether the program's handler has chosen death when it returns. */
static int gave_up(int index, const siginfo_t* info, const void* ucontext) {
  int signal_number = inq_watched_signal(index);
  struct inq_kernel_action now = {.handler = 1};
  if (signal_number == SIGABRT && was_in_abort(info, ucontext)) return 1;
  /* Where its sigaction() comes to us, the next fault does too. */
  return !inq_is_interposed() && inq_sigaction(signal_number, NULL, &now) == 0 &&
         now.handler == (uintptr_t)SIG_DFL;
}

static void pass_on(const struct inq_disposition* wanted, const struct inq_crash* signal) {
  int signal_number = signal->signal_number, index = inq_watched_index(signal_number);
  struct inq_passing fault =
      inq_passing_of(signal_number, signal->info, signal->ucontext, (uintptr_t)signal);
  if (inq_is_interposed()) fault.blocked = blocked_by(wanted, signal_number) & inq_fault_signals();
  if ((wanted->flags & SA_RESETHAND) != 0) forget_handler(index);
  struct inq_passing_thread* noted = inq_passing_begin(&fault);
  call(wanted, signal_number, signal->info, signal->ucontext);
  inq_passing_end(noted);
  if (gave_up(index, signal->info, signal->ucontext)) {
    struct inq_crash crash = *signal;
    crash.flags |= INQUEST_REQUEST_PASSED_ON;
    inq_crash_and_die(&crash, signal->ucontext);
  }
}

/* The thread is inside a handler of the program. True when that settles what this signal is. */
static int settle_nested(const struct inq_passing* working, const struct inq_disposition* wanted,
                         const struct inq_crash* second, int called_us) {
  int blocked = (working->blocked & INQ_BIT(second->signal_number)) != 0;
  struct inq_crash first = {working->signal_number, working->info, working->ucontext,
                            second->flags | INQUEST_REQUEST_PASSED_ON};
  int same = working->signal_number == second->signal_number;
  if (called_us || (same && !is_function(wanted->handler) && was_sent(second->info))) {
    inq_crash_and_die(&first, second->ucontext);
    return 1;
  }
  if (was_sent(second->info)) {
    if (blocked) hold_back(second->signal_number, second->info, second->ucontext);
    return blocked;
  }
  /* The kernel kills for a fault that is blocked. */
  if (!blocked && is_function(wanted->handler)) return 0;
  struct inq_crash crash = *second;
  crash.flags |= INQUEST_REQUEST_IN_PROGRAM_HANDLER;
  inq_crash_and_die(&crash, second->ucontext);
  return 1;
}

/* The program's handler runs on the stack of its thread. */
static void on_moved(int signal_number, siginfo_t* info, void* ucontext) {
  struct inq_crash crash = {signal_number, info, ucontext, 0};
  struct inq_disposition wanted = inq_wanted(inq_watched_index(signal_number));
  if (is_function(wanted.handler)) pass_on(&wanted, &crash);
}

/* What a handler that came after us sent again is its fault's. */
static void die_of(const struct inq_crash* crash, void* ucontext) {
  static siginfo_t info; /* read until the process is dead */
  struct inq_crash behind;
  int is_sent_again =
      !inq_is_interposed() && was_sent(crash->info) && inq_fault_behind(crash, &info, &behind);
  inq_crash_and_die(is_sent_again ? &behind : crash, ucontext);
}

static void on_signal(int signal_number, siginfo_t* info, void* ucontext) {
  struct inq_crash crash = {signal_number, info, ucontext, stack_flag(ucontext)};
  if (inq_crash_is_mine()) {
    /* What is sent meanwhile changes nothing any more. */
    if (!was_sent(info)) inq_crash_and_die(&crash, ucontext);
    return;
  }
  struct inq_disposition wanted = inq_wanted(inq_watched_index(signal_number));
  uintptr_t here = (uintptr_t)&crash;
  int called_us = inq_passing_calls_us(ucontext, here);
  const struct inq_passing* working = inq_passing_now(called_us ? here : inq_sp_of(ucontext));
  if (working != NULL && settle_nested(working, &wanted, &crash, called_us)) return;
  if (wanted.handler == (uintptr_t)SIG_IGN && was_sent(info)) return;
  int judged = inq_crash_judge(&crash, wanted.handler);
  if (judged == INQUEST_FAULT_MENDED) return;
  if (judged == INQUEST_FAULT_HANDED_ON) {
    inq_crash_and_hand_on(&crash, ucontext);
    return;
  }
  if (judged != INQUEST_FAULT_FATAL && is_function(wanted.handler)) {
    if ((wanted.flags & SA_ONSTACK) == 0 && inq_is_moved_here(ucontext)) {
      inq_move_frame(signal_number, info, ucontext, on_moved);
      if (!was_sent(info)) {
        inq_crash_and_die(&crash, ucontext); /* as the kernel does when the stack has no room */
        return;
      }
    }
    pass_on(&wanted, &crash);
  } else {
    die_of(&crash, ucontext);
  }
}

int inq_handler_is_working_on(struct inq_crash* fault) {
  const struct inq_passing* working = inq_passing_now((uintptr_t)&fault);
  if (working == NULL) return 0;
  *fault = (struct inq_crash){working->signal_number, working->info, working->ucontext,
                              stack_flag(working->ucontext) | INQUEST_REQUEST_PASSED_ON};
  return 1;
}
