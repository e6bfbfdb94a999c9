// handlers MODE: a program that has opinions about its signals. With -DLINKED it calls
// inquest_install() after it has set them, so that they are earlier handlers; preloaded, they are
// later ones.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faults.h"
#ifdef LINKED
#include <inquest/handler.h>
#endif

static sigjmp_buf back;
static volatile int calls;
static char* guarded;
static struct sigaction before;

static void set(int number, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handler;
  action.sa_flags = flags | SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, &before);
}

static void installed(void) {
#ifdef LINKED
  int error = inquest_install(NULL);
  if (error != 0) _exit(90);
#endif
}

static void restores(int number, siginfo_t* info, void* context) {
  (void)info, (void)context;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  sigaction(number, &action, NULL);
}

static void raises(int number, siginfo_t* info, void* context) {
  restores(number, info, context);
  raise(number);
}

// As faulthandler does.
static void puts_back_plainly(int number) {
  sigaction(number, &before, NULL);
  raise(number);
}

static void puts_back_raises(int number, siginfo_t* info, void* context) {
  (void)info, (void)context;
  puts_back_plainly(number);
}

static void plainly_raises(int number) {
  signal(number, SIG_DFL);
  raise(number);
}

static void mends(int number, siginfo_t* info, void* context) {
  (void)number, (void)context;
  ++calls;
  mprotect((void*)((unsigned long)info->si_addr & ~4095UL), 4096, PROT_READ | PROT_WRITE);
}

static void jumps(int number, siginfo_t* info, void* context) {
  (void)number, (void)info, (void)context;
  ++calls;
  siglongjmp(back, 1);
}

static void exits(int number, siginfo_t* info, void* context) {
  (void)number, (void)info, (void)context;
  _exit(5);
}

static void exits_properly(int number, siginfo_t* info, void* context) {
  (void)number, (void)info, (void)context;
  exit(6);
}

static void faults(int number, siginfo_t* info, void* context) {
  (void)number, (void)info, (void)context;
  sink = *(volatile int*)0x5678;
}

static void aborts(int number, siginfo_t* info, void* context) {
  (void)number, (void)info, (void)context;
  abort();
}

static void returns(int number, siginfo_t* info, void* context) {
  (void)number, (void)info, (void)context;
  ++calls;
}

// More than any alternate stack has; without SA_ONSTACK it runs on the thread's.
static void needs_much(int number, siginfo_t* info, void* context) {
  volatile char much[700 * 1024];
  memset((char*)much, 1, sizeof much);
  mends(number, info, context);
}

static void needs_little(int number, siginfo_t* info, void* context) {
  stack_t now;
  sigaltstack(NULL, &now);
  if ((now.ss_flags & SS_ONSTACK) == 0) _exit(78);
  mends(number, info, context);
}

#if defined(__x86_64__)
static void clobbers(int number, siginfo_t* info, void* context) {
  __asm__ volatile("pxor %%xmm9, %%xmm9" ::: "xmm9");
  mends(number, info, context);
}

static unsigned long across_fault(void* where) {
  unsigned long result;
  __asm__ volatile(
      "movq %1, %%xmm9\n"
      "movb $1, (%2)\n"
      "movq %%xmm9, %0"
      : "=r"(result)
      : "r"(0x123456789abcdefUL), "r"(where)
      : "xmm9", "memory");
  return result;
}
#endif

static void plainly_returns(int number) {
  (void)number;
  ++calls;
}

static void chains(int number, siginfo_t* info, void* context) {
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(number, info, context);
  } else if (before.sa_handler == SIG_DFL) {
    raises(number, info, context);
  }
}

// While it runs, its signal is blocked: the second one must come after it has returned.
static volatile int inside, nested;
static void sends_itself(int number, siginfo_t* info, void* context) {
  (void)info, (void)context;
  if (inside) nested = 1;
  inside = 1;
  if (++calls == 1) raise(number);
  inside = 0;
}

// As the JVM does while it reports: a second handler for faults of the first, and the signal
// unblocked.
static void second(int number, siginfo_t* info, void* context) {
  (void)number, (void)info, (void)context;
  ++calls;
  siglongjmp(back, 1);
}

static void reports(int number, siginfo_t* info, void* context) {
  sigset_t open;
  set(number, second, 0);
  sigemptyset(&open);
  sigaddset(&open, number);
  pthread_sigmask(SIG_UNBLOCK, &open, NULL);
  if (sigsetjmp(back, 1) == 0) sink = *(volatile int*)0x9abc;
  raises(number, info, context);
}

static void* jump_and_exit(void* unused) {
  if (sigsetjmp(back, 1) == 0) fault("SEGV");
  exit(3);
  return unused;
}

static void* jumps_and_ends(void* unused) {
  if (sigsetjmp(back, 1) == 0) fault("SEGV");
  return unused;
}

static void many_jump_and_end(void) {
  set(SIGSEGV, jumps, 0);
  for (int i = 0; i < 1000; ++i) {
    pthread_t thread;
    pthread_create(&thread, NULL, jumps_and_ends, NULL);
    pthread_join(thread, NULL);
  }
  if (calls != 1000) _exit(75);
}

static int survives(const char* mode) {
  if (strcmp(mode, "mends") == 0) {
    set(SIGSEGV, mends, 0);
    installed();
    guarded = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 1000; ++i) {
      *(volatile char*)guarded = 1;
      mprotect(guarded, 4096, PROT_NONE);
    }
    return calls == 1000 ? 0 : 80;
  }
  if (strncmp(mode, "deep", 4) == 0) {
    set(SIGSEGV, mode[4] == '\0' ? needs_much : needs_little, mode[4] == '\0' ? 0 : SA_ONSTACK);
    installed();
    guarded = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *(volatile char*)guarded = 1;
    return calls == 1 ? 0 : 77;
  }
#if defined(__x86_64__)
  if (strcmp(mode, "vectors") == 0) {
    set(SIGSEGV, clobbers, 0);
    installed();
    guarded = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return across_fault(guarded) == 0x123456789abcdefUL && calls == 1 ? 0 : 76;
  }
#endif
  if (strcmp(mode, "jumps") == 0) {
    set(SIGSEGV, jumps, 0);
    installed();
    for (volatile int i = 0; i < 1000; ++i) {
      if (sigsetjmp(back, 1) == 0) fault("SEGV");
    }
    return calls == 1000 ? 0 : 81;
  }
  if (strcmp(mode, "jumps-abort") == 0) {
    set(SIGABRT, jumps, 0);
    installed();
    if (sigsetjmp(back, 1) == 0) abort();
    return calls == 1 ? 0 : 82;
  }
  if (strcmp(mode, "ignores") == 0) {
    signal(SIGSEGV, SIG_IGN);
    signal(SIGABRT, SIG_IGN);
    installed();
    raise(SIGSEGV);
    raise(SIGABRT);
    return 0;
  }
  if (strcmp(mode, "holds") == 0) {
    set(SIGSEGV, sends_itself, 0);
    installed();
    raise(SIGSEGV);
    return nested == 0 && calls == 2 ? 0 : 83;
  }
  if (strcmp(mode, "returns") == 0) {
    set(SIGABRT, returns, 0);
    signal(SIGTRAP, plainly_returns);
    installed();
    raise(SIGABRT);
    raise(SIGTRAP);
    return calls == 2 ? 0 : 84;
  }
  if (strcmp(mode, "asks") == 0) {
    installed();
    struct sigaction old;
    sigaction(SIGSEGV, NULL, &old);
#ifndef LINKED
    if (old.sa_handler != SIG_DFL) return 85;
    if (signal(SIGBUS, plainly_returns) != SIG_DFL) return 86;
    if (signal(SIGBUS, SIG_IGN) != plainly_returns) return 87;
#endif
    if (signal(SIGSEGV, SIG_ERR) != SIG_ERR || errno != EINVAL) return 88;
    signal(SIGUSR1, plainly_returns);
    raise(SIGUSR1);
    return calls == 1 ? 0 : 89;
  }
  if (strcmp(mode, "jumps-exits") == 0) {
    pthread_t thread;
    set(SIGSEGV, jumps, 0);
    installed();
    pthread_create(&thread, NULL, jump_and_exit, NULL);
    pthread_join(thread, NULL);
  }
  return -1;
}

static void blocks_all(void) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static volatile int go;

static void* dies_at_once(void* unused) {
  while (!go) {
  }
  fault("SEGV");
  return unused;
}

static void many_die_at_once(void) {
  pthread_t threads[8];
  for (int i = 0; i < 8; ++i) pthread_create(&threads[i], NULL, dies_at_once, NULL);
  go = 1;
  for (int i = 0; i < 8; ++i) pthread_join(threads[i], NULL);
}

static void* dies_blocked(void* unused) {
  fault("SEGV");
  return unused;
}

static void dies(const char* mode) {
  if (strcmp(mode, "restores") == 0) set(SIGSEGV, restores, 0);
  if (strcmp(mode, "restores-onstack") == 0) set(SIGSEGV, restores, SA_ONSTACK);
  if (strcmp(mode, "raises") == 0) set(SIGSEGV, raises, 0);
  if (strcmp(mode, "raises-nodefer") == 0) set(SIGSEGV, raises, SA_NODEFER);
  if (strcmp(mode, "plain") == 0) signal(SIGSEGV, plainly_raises);
  if (strcmp(mode, "resethand") == 0) set(SIGSEGV, returns, (int)SA_RESETHAND);
  if (strcmp(mode, "ignores-fault") == 0) signal(SIGSEGV, SIG_IGN);
  if (strcmp(mode, "exits") == 0) set(SIGSEGV, exits, 0);
  if (strcmp(mode, "exits-later") == 0) {
    many_jump_and_end();
    set(SIGSEGV, exits, 0);
  }
  if (strcmp(mode, "exits-storm") == 0) set(SIGSEGV, exits, 0);
  if (strcmp(mode, "exits-properly") == 0) set(SIGSEGV, exits_properly, 0);
  if (strcmp(mode, "faults") == 0) set(SIGSEGV, faults, 0);
  if (strcmp(mode, "aborts") == 0) set(SIGSEGV, aborts, 0);
  if (strcmp(mode, "reports") == 0) set(SIGSEGV, reports, 0);
  if (strcmp(mode, "overflow") == 0) set(SIGSEGV, restores, 0);
  if (strcmp(mode, "abort-returns") == 0) set(SIGABRT, returns, 0);
  if (strcmp(mode, "default") == 0) signal(SIGSEGV, SIG_DFL);
  installed();
  if (strcmp(mode, "puts-back-raises") == 0) set(SIGSEGV, puts_back_raises, SA_ONSTACK | SA_NODEFER);
  if (strcmp(mode, "puts-back-plainly") == 0) {
    struct sigaction plain = {.sa_handler = puts_back_plainly, .sa_flags = SA_NODEFER};
    sigaction(SIGSEGV, &plain, &before);
  }
  if (strcmp(mode, "chains") == 0) set(SIGSEGV, chains, 0);  // after us, whichever way we came
  if (strcmp(mode, "reset-later") == 0) signal(SIGSEGV, SIG_DFL);
  if (strcmp(mode, "abort-returns") == 0) abort();
  if (strcmp(mode, "overflow") == 0) fault("overflow");
  if (strcmp(mode, "exits-storm") == 0) many_die_at_once();
  if (strcmp(mode, "blocked") == 0) {
    blocks_all();
    fault("SEGV");
  }
  if (strcmp(mode, "blocked-worker") == 0) {
    pthread_t thread;
    blocks_all();
    pthread_create(&thread, NULL, dies_blocked, NULL);
    pthread_join(thread, NULL);
  }
  fault("SEGV");
}

int main(int argc, char** argv) {
  if (argc < 2) return 97;
  if (strcmp(argv[1], "is-ignored") == 0) {
    struct sigaction old;
    sigaction(SIGABRT, NULL, &old);
    return old.sa_handler == SIG_IGN ? 0 : 79;
  }
  if (strcmp(argv[1], "exec-ignored") == 0) {
    signal(SIGABRT, SIG_IGN);
    installed();
    execl(argv[0], argv[0], "is-ignored", (char*)NULL);
  }
  int status = survives(argv[1]);
  if (status >= 0) return status;
  dies(argv[1]);
  return 94;
}
