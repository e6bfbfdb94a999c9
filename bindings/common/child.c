#include "bindings/common/child.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "bindings/common/ghosts.h"
#include "bindings/common/mappings.h"
#include "bindings/common/output.h"
#include "bindings/common/signals.h"
#include "capture/handler/raw.h"

enum {
  kPollMs = 1,
  kTickMs = 40, /* in which a child that waits for nobody is helped on */
  kMostRepeats = 2,
  kLastErrno = 4095,
  kMarginMs = 200,   /* what the parent grants beyond the steps' time */
  kAfterKillMs = 500 /* for the kernel to end a killed child */
};

/* Node marks its heap MADV_DONTFORK (from version 18), also what is read-only; so do others:
 * without it a child can do nothing. The process is dying, so that nothing depends on the mark any
 * more. */
static int let_it_be_copied(const struct inq_mapping* mapping, void* unused) {
  (void)unused;
  if (!mapping->is_shared)
    inq_advise((void*)mapping->begin, mapping->end - mapping->begin, MADV_DOFORK);
  return 0;
}

/* What a child leaves when it wants to be made anew, in memory that parent and child share. */
struct wish {
  size_t step; /* of the steps, from 1 on; 0: none */
  uintptr_t address;
};
static volatile struct wish* wish; /* null: there was no memory for it */
static int repeats_left;

static struct inq_step steps[kInqMostSteps];
static size_t step_count;
static size_t next_step;

static int64_t step_end;

/* The beginning of a step's time, and of the ticks in which it is looked at. */
static void set_timer(int milliseconds) {
  static const struct itimerval kTicks = {.it_interval = {0, kTickMs * 1000L},
                                          .it_value = {0, kTickMs * 1000L}};
  step_end = inq_milliseconds() + milliseconds;
  inq_syscall(SYS_setitimer, ITIMER_REAL, (long)&kTicks, 0, 0, 0, 0);
}

static void call_on(uintptr_t stack, void (*function)(void)) {
#if defined(__x86_64__)
  __asm__ volatile("mov %0, %%rsp\n\txor %%ebp, %%ebp\n\tcall *%1"
                   :
                   : "r"(stack), "r"(function)
                   : "memory");
#else
  __asm__ volatile("mov sp, %0\n\tmov x29, xzr\n\tblr %1" : : "r"(stack), "r"(function) : "memory");
#endif
  __builtin_unreachable();
}

static void go_on(void);

static void run_step(void) {
  const struct inq_step* step = &steps[next_step++];
  set_timer(step->most_ms);
  step->run(step->argument);
  go_on();
}

/* Begins the next step; never comes back. */
static void go_on(void) {
  enum { kAlign = 64 };
  if (next_step >= step_count) inq_exit_group(0);
  uintptr_t stack = steps[next_step].stack & ~(uintptr_t)(kAlign - 1);
  if (stack != 0) call_on(stack, run_step);
  run_step();
}

static void on_tick(int signal_number, siginfo_t* info, void* ucontext) {
  (void)signal_number;
  (void)info;
  if (inq_milliseconds() < step_end) {
    inq_end_wait_for_ghosts(ucontext);
    return;
  }
  inq_output_words("(took too long: given up)\n");
  go_on();
}

static void put_end(int signal_number, uintptr_t address) {
  struct inq_text text;
  text.size = 0;
  inq_put(&text, "(ended by ");
  inq_put(&text, inq_signal_name(signal_number));
  if (signal_number == SIGSEGV || signal_number == SIGBUS) {
    inq_put(&text, " for address: ");
    inq_put_hex(&text, address);
  }
  inq_put(&text, ")\n");
  inq_output_text(&text);
}

static void on_fault(int signal_number, siginfo_t* info, void* ucontext) {
  uintptr_t address = (uintptr_t)info->si_addr;
  (void)ucontext;
  if (signal_number == SIGSEGV && info->si_code == SEGV_MAPERR && steps[next_step - 1].may_repeat &&
      repeats_left > 0 && wish != NULL) {
    wish->address = address;
    wish->step = next_step;
    inq_exit_group(0);
  }
  put_end(signal_number, address);
  go_on();
}

static void handle(int signal_number, void (*function)(int, siginfo_t*, void*)) {
  uint64_t set = INQ_BIT(signal_number);
  struct inq_kernel_action action = {.handler = (uintptr_t)function,
                                     .flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  inq_sigaction(signal_number, &action, NULL);
  inq_sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Its own faults must make no second crash: not for the kernel's log, nor for a supervisor. */
static void become_child(void) {
  static const int kFaults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT};
  inq_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0);
  inq_syscall(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0, 0);
  for (size_t i = 0; i < sizeof kFaults / sizeof *kFaults; ++i) handle(kFaults[i], on_fault);
  handle(SIGALRM, on_tick);
}

/* 1 when the child is no more. */
static int is_gone(int pid) {
  int status;
  long result = inq_syscall(SYS_wait4, pid, (long)&status, WNOHANG, 0, 0, 0);
  return result == pid || (result < 0 && result != -EINTR);
}

static int wait_until(int pid, int64_t end) {
  for (;;) {
    if (is_gone(pid)) return 1;
    if (inq_milliseconds() >= end) return 0;
    inq_sleep_ms(kPollMs);
  }
}

/* One copy, which begins with `next_step`. 0 when it is gone or was ended; -errno: none was made.
 */
static long run_copy(int64_t end) {
  inq_each_mapping(let_it_be_copied, NULL);
  /* Not fork(): its handlers take locks. The arguments' order differs, but all others are 0. */
  long pid = inq_syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
  if (pid < 0) return pid;
  if (pid == 0) {
    become_child();
    go_on();
  }
  if (wait_until((int)pid, end)) return 0;
  inq_syscall(SYS_kill, pid, SIGKILL, 0, 0, 0, 0);
  wait_until((int)pid, inq_milliseconds() + kAfterKillMs);
  return 0;
}

/* Is there something that another copy is to begin with? Only what this process has can be found in
 * another copy; without it the step has ended as any other that faults. */
static int is_to_be_repeated(void) {
  struct inq_mapping mapping;
  size_t step = wish != NULL ? wish->step : 0;
  if (step == 0 || step > step_count) return 0;
  wish->step = 0;
  next_step = step - 1;
  --repeats_left;
  if (inq_mapping_of(wish->address, &mapping)) return 1;
  put_end(SIGSEGV, wish->address);
  next_step = step;
  repeats_left = 0;
  return 1;
}

static void share_wish(void) {
  long made = inq_syscall(SYS_mmap, 0, sizeof *wish, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  wish = made < 0 && made >= -kLastErrno ? NULL : (volatile struct wish*)made;
}

long inq_child_run(const struct inq_step* to_do, size_t count) {
  int64_t end = inq_milliseconds() + kMarginMs;
  for (size_t i = 0; i < count; ++i) end += to_do[i].most_ms;
  if (count > kInqMostSteps) return -EINVAL;
  inq_copy(steps, to_do, count * sizeof *steps);
  step_count = count;
  next_step = 0;
  repeats_left = kMostRepeats;
  share_wish();
  long error = run_copy(end);
  while (error == 0 && is_to_be_repeated() && inq_milliseconds() < end) run_copy(end);
  return error;
}
