#include "bindings/common/ghosts.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdint.h>
#include <ucontext.h>

#include "capture/handler/raw.h"

#if defined(__x86_64__)

/* The system call that the signal interrupted, its arguments still in the registers. */
static int is_futex_wait(const greg_t* registers) {
  enum { kSyscallBytes = 2 };
  uintptr_t at = (uintptr_t)registers[REG_RIP] - kSyscallBytes;
  if (registers[REG_RAX] != -EINTR || !inq_readable(at) || !inq_readable(at + 1)) return 0;
  const unsigned char* code = (const unsigned char*)at;
  long operation = registers[REG_RSI] & FUTEX_CMD_MASK;
  return code[0] == 0x0f && code[1] == 0x05 &&
         (operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET) &&
         (registers[REG_RSI] & ~(long)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)) == operation;
}

void inq_end_wait_for_ghosts(void* ucontext) {
  /* A count of signals, in steps of two: zero is what one waits on that has none. */
  enum { kOneSignal = 2 };
  const greg_t* registers = ((const ucontext_t*)ucontext)->uc_mcontext.gregs;
  if (!is_futex_wait(registers)) return;
  uint32_t* word = (uint32_t*)registers[REG_RDI];
  if ((uintptr_t)word % sizeof *word != 0 || !inq_readable((uintptr_t)word)) return;
  uint32_t expected = (uint32_t)registers[REG_RDX];
  __atomic_store_n(word, expected == 0 ? kOneSignal : 0, __ATOMIC_SEQ_CST);
}

#else

void inq_end_wait_for_ghosts(void* ucontext) { (void)ucontext; }

#endif
