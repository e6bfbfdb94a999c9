#include "capture/handler/behind.h"

#include <ucontext.h>

#include "capture/handler/raw.h"
#include "capture/handler/registers.h"
#include "capture/wire/crash_request.h"

#if defined(__x86_64__)

enum {
  kSearchBytes = 65536,
  kSignals = 64,
  kKernelUcontext = 304, /* struct ucontext of the kernel; the siginfo stands behind it */
  kPageFault = 14,
  kProtectionFault = 13, /* an address that is not canonical, among others */
  kErrorPresent = 1,     /* of a page fault: the page is there, and refuses */
};

/* What the C library has the kernel return to, the same for all its handlers; 0: it has none. */
static uintptr_t restorer_of_library(void) {
  for (int number = 1; number <= kSignals; ++number) {
    struct inq_kernel_action action = {0};
    if (inq_sigaction(number, NULL, &action) == 0 && action.handler > (uintptr_t)SIG_IGN &&
        (action.flags & INQ_SA_RESTORER) != 0 && !inq_is_own_restorer(action.restorer))
      return action.restorer;
  }
  return 0;
}

static int is_readable(uintptr_t begin, size_t size) {
  for (uintptr_t at = begin & ~(INQ_SMALL_PAGE - 1); at < begin + size; at += INQ_SMALL_PAGE) {
    if (!inq_readable(at)) return 0;
  }
  return 1;
}

/* The kernel fills the siginfo in only for handlers that asked for it. */
static void describe(const ucontext_t* context, const siginfo_t* there, siginfo_t* info) {
  const greg_t* registers = context->uc_mcontext.gregs;
  uintptr_t address = registers[REG_TRAPNO] == kPageFault ? (uintptr_t)registers[REG_CR2] : 0;
  if (there->si_signo == SIGSEGV && there->si_code > 0 && (uintptr_t)there->si_addr == address) {
    *info = *there;
    return;
  }
  inq_zero(info, sizeof *info);
  info->si_signo = SIGSEGV;
  info->si_addr = (void*)address;
  info->si_code = registers[REG_TRAPNO] != kPageFault         ? SI_KERNEL
                  : (registers[REG_ERR] & kErrorPresent) != 0 ? SEGV_ACCERR
                                                              : SEGV_MAPERR;
}

static int is_fault(const ucontext_t* context) {
  long trap = context->uc_mcontext.gregs[REG_TRAPNO];
  return context->uc_link == NULL && (trap == kPageFault || trap == kProtectionFault);
}

int inq_fault_behind(const struct inq_crash* sent, siginfo_t* info, struct inq_crash* fault) {
  uintptr_t sp = inq_sp_of(sent->ucontext) & ~(uintptr_t)7;
  uintptr_t mark = sent->signal_number == SIGSEGV ? restorer_of_library() : 0;
  if (mark == 0 || sent->info->si_code != SI_TKILL || sent->info->si_pid != inq_getpid()) return 0;
  for (uintptr_t at = sp; at < sp + kSearchBytes; at += sizeof(uintptr_t)) {
    if ((at == sp || at % INQ_SMALL_PAGE == 0) && !inq_readable(at)) return 0;
    if (*(const uintptr_t*)at != mark) continue;
    ucontext_t* context = (ucontext_t*)(at + sizeof(uintptr_t));
    if (!is_readable((uintptr_t)context, kKernelUcontext + sizeof *info) || !is_fault(context))
      continue;
    describe(context, (const siginfo_t*)((uintptr_t)context + kKernelUcontext), info);
    *fault = (struct inq_crash){SIGSEGV, info, context, sent->flags | INQUEST_REQUEST_PASSED_ON};
    return 1;
  }
  return 0;
}

#else

int inq_fault_behind(const struct inq_crash* sent, siginfo_t* info, struct inq_crash* fault) {
  (void)sent, (void)info, (void)fault;
  return 0;
}

#endif
