// Real faults, one a signal.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile int sink;

__attribute__((noinline)) static int overflow_stack(volatile char* above) {
  volatile char frame[4096];
  frame[0] = above == NULL ? 1 : *above;
  return overflow_stack(frame) + frame[0];
}

static void bus_error(void) {
  int fd = memfd_create("empty", 0);
  volatile char* page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  sink = *page;
}

// From here on the process may not call getppid: it gets SIGSYS.
static void bad_system_call(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
  sink = (int)syscall(SYS_getppid);
}

static void illegal_instruction(void) {
#if defined(__x86_64__)
  __asm__ volatile("ud2");
#else
  __asm__ volatile("udf #0");
#endif
}

static void breakpoint(void) {
#if defined(__x86_64__)
  __asm__ volatile("int3");
#else
  __asm__ volatile("brk #0");
#endif
}

static void arithmetic(void) {
#if defined(__x86_64__)
  volatile int zero = 0;
  sink = 7 / zero;
#else
  raise(SIGFPE); /* the processor does not trap */
#endif
}

static void too_large_file(void) {
  struct rlimit limit = {10, 10};
  setrlimit(RLIMIT_FSIZE, &limit);
  int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
  sink = (int)write(fd, "0123456789abcdef", 16);
  sink = (int)write(fd, "0123456789abcdef", 16);
}

static void too_long(void) {
  struct rlimit limit = {1, 5};
  setrlimit(RLIMIT_CPU, &limit);
  for (volatile unsigned long n = 0;; ++n) {
  }
}

static void fault(const char* how) {
  if (strcmp(how, "SEGV") == 0) sink = *(volatile int*)0x1234;
  if (strcmp(how, "noncanonical") == 0) sink = *(volatile int*)0xdead00000000beef;
  if (strcmp(how, "jump") == 0) ((void (*)(void))0x77777000)();
  if (strcmp(how, "BUS") == 0) bus_error();
  if (strcmp(how, "ILL") == 0) illegal_instruction();
  if (strcmp(how, "FPE") == 0) arithmetic();
  if (strcmp(how, "TRAP") == 0) breakpoint();
  if (strcmp(how, "SYS") == 0) bad_system_call();
  if (strcmp(how, "ABRT") == 0) abort();
  if (strcmp(how, "XCPU") == 0) too_long();
  if (strcmp(how, "XFSZ") == 0) too_large_file();
  if (strcmp(how, "overflow") == 0) sink = overflow_stack(NULL);
  if (strcmp(how, "raise") == 0) raise(SIGSEGV);
  if (strcmp(how, "kill") == 0) kill(getpid(), SIGILL);
}
