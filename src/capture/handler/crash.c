#include "capture/handler/crash.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "capture/handler/public.h"
#include "capture/handler/raw.h"
#include "capture/handler/record.h"
#include "capture/handler/state.h"
#include "capture/handler/talk.h"

/* kReported: it was told, and the process goes on to end in a way of its own. */
enum stage { kNothing, kAsking, kTalking, kWriting, kReported, kObeying, kDying, kExiting };

/* How long a thread that crashed second waits for the first, beyond the time for the reply and that
 * of a language's run time (handler.h). */
enum { kParkMargin = 5000, kParkStep = 20, kReporterMs = 8000 };

/* Everything about the one crash of this process. A vfork child shares this memory with its parent,
 * a fork child has a copy of what was: both are told from us by the pid in `owner`. */
static uint64_t owner; /* pid << 32 | tid of the thread that reports */
static volatile int stage;
static struct inq_crash current;
static void* volatile frame; /* the ucontext that the winner returns to */
static volatile int is_handed_on;
static struct inq_talk talk;

/* The owner after the attempt: ourselves, or another thread of this process. */
static uint64_t claim(void) {
  uint64_t mine = inq_me(), found = 0;
  do {
    if (__atomic_compare_exchange_n(&owner, &found, mine, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
      stage = kNothing;
      return mine;
    }
  } while (found >> 32 != mine >> 32);
  return found;
}

int inq_crash_is_mine(void) {
  uint64_t found = __atomic_load_n(&owner, __ATOMIC_ACQUIRE);
  return found != 0 && stage != kReported && found == inq_me();
}

/* Descriptors from 3 up, for kernels before 5.9 and filters that do not know close_range. */
static void close_one_by_one(void) {
  enum { kLimit = 65536 };
  for (int fd = 3; fd < kLimit; ++fd) inq_close(fd);
}

static void obey(const struct inq_talk* said) {
  if ((said->flags & INQUEST_REPLY_NO_KERNEL_CORE) != 0)
    inq_syscall(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0, 0);
  if ((said->flags & INQUEST_REPLY_CLOSE_DESCRIPTORS) != 0 &&
      inq_syscall(SYS_close_range, 3, UINT32_MAX, 0, 0, 0, 0) < 0)
    close_one_by_one();
}

/* SEGV_MTEAERR (asm-generic/siginfo.h): told after the instruction, as BUS_MCEERR_AO is. */
enum { kSegvTagAsync = 8 };

/* A signal that the processor raises again when the instruction is executed again. The kernel
 * writes its line to the log then, and the core has everything as if we had not been there. */
static int comes_again(const struct inq_crash* crash) {
  switch (crash->signal_number) {
    case SIGSEGV:
      return crash->info->si_code > 0 && crash->info->si_code != kSegvTagAsync;
    case SIGBUS:
      return crash->info->si_code > 0 && crash->info->si_code != BUS_MCEERR_AO;
    case SIGILL:
    case SIGFPE:
      return crash->info->si_code > 0;
    default: /* SIGTRAP is reported behind the instruction, SIGSYS instead of the call */
      return 0;
  }
}

static void unblock_on_return(void* ucontext, int signal_number) {
  sigset_t* mask = &((ucontext_t*)ucontext)->uc_sigmask;
  inq_put_bits(mask, inq_bits(mask) & ~INQ_BIT(signal_number));
}

/* The signal itself again, with the siginfo that it had, so that the core shows who sent it. It
 * stays blocked until the handler returns: the core then has the registers of the fault. */
static void send_again(const struct inq_crash* crash, void* ucontext_here) {
  int pid = inq_getpid(), tid = inq_gettid();
  uint64_t set = INQ_BIT(crash->signal_number);
  if (ucontext_here != NULL) {
    inq_sigprocmask(SIG_BLOCK, &set, NULL);
    unblock_on_return(ucontext_here, crash->signal_number);
  } else {
    inq_sigprocmask(SIG_UNBLOCK, &set, NULL);
  }
  /* After a fault in here too, nothing is tried that a filter of system calls may not know. */
  long sent = stage < kExiting ? inq_queue_signal(pid, tid, crash->signal_number, crash->info) : -1;
  if (sent < 0) sent = inq_tgkill(pid, tid, crash->signal_number);
  if (sent < 0 || ucontext_here == NULL) inq_exit_group(128 + crash->signal_number);
}

/* The default action, or the program's own. */
static struct inq_kernel_action last_action(int signal_number) {
  if (!is_handed_on || stage >= kExiting)
    return (struct inq_kernel_action){.handler = (uintptr_t)SIG_DFL};
  struct inq_disposition wanted = inq_wanted(inq_watched_index(signal_number));
  return (struct inq_kernel_action){
      .handler = wanted.handler, .flags = wanted.flags, .mask = wanted.mask};
}

static void die(const struct inq_crash* crash, void* ucontext_here) {
  struct inq_kernel_action action = last_action(crash->signal_number);
  inq_sigaction(crash->signal_number, &action, NULL);
  if (comes_again(crash) && ucontext_here != NULL && ucontext_here == crash->ucontext) return;
  /* The first process of a pid namespace does not die of a signal that is sent to it. */
  if (inq_getpid() == 1) inq_exit_group(128 + crash->signal_number);
  send_again(crash, ucontext_here);
}

static struct inquest_fault fault_of(const struct inq_crash* crash, const struct inq_state* state) {
  return (struct inquest_fault){.size = sizeof(struct inquest_fault),
                                .signal_number = crash->signal_number,
                                .has_supervisor = state->supervisor_length != 0,
                                .siginfo = crash->info,
                                .ucontext = crash->ucontext};
}

int inq_crash_judge(const struct inq_crash* crash, uintptr_t handler) {
  int damaged;
  const struct inq_state* state = inq_has_judge() ? inq_whole_state(&damaged) : NULL;
  if (state == NULL || state->judge == 0) return INQUEST_FAULT_UNKNOWN;
  struct inquest_fault fault = fault_of(crash, state);
  if (handler != (uintptr_t)SIG_DFL && handler != (uintptr_t)SIG_IGN)
    fault.handler = (const void*)handler;
  return ((int (*)(const struct inquest_fault*))state->judge)(&fault);
}

static void ask(const struct inq_state* state) {
  if (state == NULL || state->report == 0) return;
  struct inquest_fault fault = fault_of(&current, state);
  ((void (*)(const struct inquest_fault*))state->report)(&fault);
}

static void report_step(void) {
  int damaged;
  const struct inq_state* state = inq_whole_state(&damaged);
  if (damaged) current.flags |= INQUEST_REQUEST_STATE_DAMAGED;
  if (stage < kAsking) {
    stage = kAsking;
    ask(state);
  }
  if (stage < kTalking) {
    stage = kTalking;
    talk = (struct inq_talk){.fd = -1};
    if (state == NULL) return;
    talk = inq_talk(state, &current);
  }
  if (stage < kWriting) {
    stage = kWriting;
    if (state == NULL) return;
    if (talk.outcome == INQUEST_REPLY_WRITE_YOURSELF) {
      inq_record_send(&current, talk.fd);
    } else if (talk.outcome == 0) {
      inq_record_write(&current, state);
    }
  }
}

static void hang_up(void) {
  if (talk.fd >= 0) inq_close(talk.fd);
  talk.fd = -1;
}

static void go_on(void) {
  report_step();
  if (stage < kObeying) {
    stage = kObeying;
    obey(&talk);
    hang_up();
  }
}

/* Another thread reports, and will end the process. When it does not come to an end, neither must
 * the process go on. */
static void wait_for_reporter(int until_it_has_reported) {
  int damaged;
  const struct inq_state* state = inq_whole_state(&damaged);
  int wait = kParkMargin + (state != NULL ? state->reply_timeout_ms : 0);
  if (state != NULL && state->report != 0) wait += kReporterMs;
  for (int64_t end = inq_milliseconds() + wait; inq_milliseconds() < end;) {
    if (until_it_has_reported && stage == kReported) return;
    inq_sleep_ms(kParkStep);
  }
}

/* A system call of our own that a seccomp filter turns into a signal: it fails, and we go on. */
static int refuse_call(const struct inq_crash* crash) {
  enum { kSysSeccomp = 1 };
  if (crash->signal_number != SIGSYS || crash->info->si_code != kSysSeccomp) return 0;
  mcontext_t* context = &((ucontext_t*)crash->ucontext)->uc_mcontext;
#if defined(__x86_64__)
  context->gregs[REG_RAX] = -ENOSYS;
#else
  context->regs[0] = (uint64_t)-ENOSYS;
#endif
  return 1;
}

void inq_crash_and_die(const struct inq_crash* crash, void* ucontext_here) {
  uint64_t before = __atomic_load_n(&owner, __ATOMIC_ACQUIRE);
  if (claim() != inq_me()) {
    wait_for_reporter(0);
    die(crash, NULL);
    return;
  }
  if (before != inq_me() || stage == kReported) {
    current = *crash;
    frame = ucontext_here;
    go_on();
    stage = kDying;
    die(&current, frame);
    return;
  }
  /* We faulted ourselves: the step that did is given up. */
  if (stage > kNothing && stage < kExiting && refuse_call(crash)) return;
  if (stage >= kExiting) inq_exit_group(128 + current.signal_number);
  if (stage >= kDying) {
    stage = kExiting;
  } else {
    go_on();
    stage = kDying;
  }
  die(&current, NULL);
}

void inq_crash_and_hand_on(const struct inq_crash* crash, void* ucontext_here) {
  is_handed_on = 1;
  inq_crash_and_die(crash, ucontext_here);
}

void inq_crash_report(const struct inq_crash* crash) {
  uint64_t before = __atomic_load_n(&owner, __ATOMIC_ACQUIRE);
  if (before == inq_me()) return;
  if (claim() != inq_me()) {
    wait_for_reporter(1);
    return;
  }
  current = *crash;
  report_step();
  hang_up();
  stage = kReported;
}
