#include "bindings/common/traps.h"

#include <elf.h>
#include <signal.h>

#include "bindings/common/mappings.h"
#include "capture/handler/registers.h"

enum { kMostRuntimes = 2 };

static struct {
  uintptr_t begin, end;
} runtimes[kMostRuntimes];

void inq_note_runtime(const void* runtime) {
  uintptr_t begin = 0, end = 0;
  if (inq_is_runtime(runtime) || !inq_module_of((uintptr_t)runtime, &begin, &end)) return;
  for (int i = 0; i < kMostRuntimes; ++i) {
    if (runtimes[i].end != 0) continue;
    runtimes[i].begin = begin;
    runtimes[i].end = end;
    return;
  }
}

int inq_is_runtime(const void* handler) {
  for (int i = 0; i < kMostRuntimes; ++i) {
    if ((uintptr_t)handler >= runtimes[i].begin && (uintptr_t)handler < runtimes[i].end) return 1;
  }
  return 0;
}

int inq_may_be_trap(const struct inquest_fault* fault) {
  enum { kLarge = 1 << 20 };
  const siginfo_t* info = fault->siginfo;
  struct inq_mapping mapping;
  if (info->si_code <= 0) return 0; /* sent */
  if (inq_mapping_of(inq_pc_of(fault->ucontext), &mapping) && !mapping.is_file) return 1;
  return (fault->signal_number == SIGSEGV || fault->signal_number == SIGBUS) &&
         inq_mapping_of((uintptr_t)info->si_addr, &mapping) &&
         (mapping.protect & (PF_R | PF_W | PF_X)) == 0 && mapping.end - mapping.begin >= kLarge;
}
