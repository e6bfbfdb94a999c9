#include "bindings/common/cause.h"

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "capture/handler/raw.h"

/* Frames that are seen in the stack: no inlining, no tail calls. */
#if defined(__clang__)
#define FRAME __attribute__((noinline))
#else
#define FRAME __attribute__((noinline, noclone))
#endif

static volatile int depth;

FRAME void inq_cause_segfault(void) {
  /* The compiler is not to see that it is nowhere. */
  volatile int* nowhere = NULL;
  __asm__("" : "+r"(nowhere));
  *(volatile int*)((uintptr_t)nowhere + 1) = 78;
}

FRAME void inq_cause_bus_error(void) {
  long fd = inq_syscall(SYS_memfd_create, (long)"inquest", 0, 0, 0, 0, 0);
  long at = inq_syscall(SYS_mmap, 0, INQ_PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
  inq_close((int)fd);
  if (at > 0) depth = *(volatile int*)at;
}

FRAME void inq_cause_illegal_instruction(void) {
#if defined(__x86_64__)
  __asm__ volatile("ud2");
#else
  __asm__ volatile("udf #0");
#endif
}

FRAME void inq_cause_division_by_zero(void) {
#if defined(__x86_64__)
  int high = 0, low = 1;
  __asm__ volatile("idivl %2" : "+d"(high), "+a"(low) : "r"(0));
#else
  inq_tgkill(inq_getpid(), inq_gettid(), SIGFPE);
#endif
}

FRAME static int recurse(int level) {
  volatile char room[1024];
  room[0] = (char)level;
  depth = level;
  return level < 0 ? 0 : recurse(level + 1) + room[0];
}

FRAME void inq_cause_stack_overflow(void) { depth = recurse(0); }

FRAME void inq_cause_abort(void) { inq_tgkill(inq_getpid(), inq_gettid(), SIGABRT); }
