#include "capture/handler/process.h"

#include <stdint.h>
#include <sys/mman.h>

#include "capture/handler/raw.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/* The pid, on a page that is zero in a child by fork (Linux 4.14) and shared with one by vfork. */
static unsigned char area[2 * INQ_PAGE_BYTES];
static int wiped;

static int* pid_word(void) {
  return (int*)(((uintptr_t)area + INQ_PAGE_BYTES - 1) & ~(uintptr_t)(INQ_PAGE_BYTES - 1));
}

void inq_process_begin(void) {
  if (inq_is_vfork_child()) return;
  wiped = inq_advise(pid_word(), INQ_PAGE_BYTES, MADV_WIPEONFORK) == 0;
  *pid_word() = inq_getpid();
}

void inq_process_forked(void) {
  if (wiped) *pid_word() = inq_getpid();
}

int inq_is_vfork_child(void) {
  int pid = inq_getpid();
  if (!wiped || *pid_word() == pid) return 0;
  if (*pid_word() != 0) return 1;
  /* A fork that the C library did not make, see inq_process_forked. */
  *pid_word() = pid;
  return 0;
}
