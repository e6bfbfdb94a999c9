#include "bindings/common/traps.h"

#include <elf.h>
#include <signal.h>

#include "bindings/common/mappings.h"
#include "capture/handler/registers.h"

static uintptr_t runtime_begin, runtime_end;

void inq_note_runtime(const void* runtime) {
  uintptr_t begin = 0, end = 0;
  if (!inq_module_of((uintptr_t)runtime, &begin, &end)) return;
  runtime_begin = begin;
  runtime_end = end;
}

int inq_is_runtime(const void* handler) {
  return (uintptr_t)handler >= runtime_begin && (uintptr_t)handler < runtime_end;
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
