#include "capture/handler/registers.h"

#include <sys/syscall.h>
#include <ucontext.h>

#include "capture/handler/raw.h"

#if defined(__x86_64__)

enum { kArchGetFs = 0x1003, kArchGetGs = 0x1004 }; /* asm/prctl.h */

static uintptr_t base(int which) {
  uintptr_t value = 0;
  inq_syscall(SYS_arch_prctl, which, (long)&value, 0, 0, 0, 0);
  return value;
}

uintptr_t inq_thread_pointer(void) { return base(kArchGetFs); }

uintptr_t inq_pc_of(const void* ucontext) {
  return (uintptr_t)((const ucontext_t*)ucontext)->uc_mcontext.gregs[REG_RIP];
}

uintptr_t inq_sp_of(const void* ucontext) {
  return (uintptr_t)((const ucontext_t*)ucontext)->uc_mcontext.gregs[REG_RSP];
}

void inq_note_registers(const void* ucontext, uint64_t out[kInqNoteRegisters]) {
  static const int8_t kOrder[] = {REG_R15, REG_R14, REG_R13, REG_R12, REG_RBP,
                                  REG_RBX, REG_R11, REG_R10, REG_R9,  REG_R8,
                                  REG_RAX, REG_RCX, REG_RDX, REG_RSI, REG_RDI};
  const greg_t* from = ((const ucontext_t*)ucontext)->uc_mcontext.gregs;
  size_t at = 0;
  while (at < sizeof kOrder) {
    out[at] = (uint64_t)from[kOrder[at]];
    ++at;
  }
  out[at++] = ~UINT64_C(0); /* orig_rax: not in a system call */
  out[at++] = (uint64_t)from[REG_RIP];
  out[at++] = (uint64_t)from[REG_CSGSFS] & 0xffff;
  out[at++] = (uint64_t)from[REG_EFL];
  out[at++] = (uint64_t)from[REG_RSP];
  out[at++] = (uint64_t)from[REG_CSGSFS] >> 48; /* ss */
  out[at++] = base(kArchGetFs);
  out[at++] = base(kArchGetGs);
  while (at < kInqNoteRegisters) out[at++] = 0; /* ds, es, fs, gs: flat */
}

int inq_float_registers(const void* ucontext, unsigned char out[kInqFloatBytes]) {
  const void* area = ((const ucontext_t*)ucontext)->uc_mcontext.fpregs;
  if (area == NULL || !inq_readable((uintptr_t)area) ||
      !inq_readable((uintptr_t)area + kInqFloatBytes - 1))
    return 0;
  inq_copy(out, area, kInqFloatBytes);
  return 1;
}

#else

uintptr_t inq_thread_pointer(void) {
  uintptr_t value;
  __asm__ volatile("mrs %0, tpidr_el0" : "=r"(value));
  return value;
}

uintptr_t inq_pc_of(const void* ucontext) { return ((const ucontext_t*)ucontext)->uc_mcontext.pc; }

uintptr_t inq_sp_of(const void* ucontext) { return ((const ucontext_t*)ucontext)->uc_mcontext.sp; }

void inq_note_registers(const void* ucontext, uint64_t out[kInqNoteRegisters]) {
  const mcontext_t* from = &((const ucontext_t*)ucontext)->uc_mcontext;
  for (int i = 0; i < 31; ++i) out[i] = from->regs[i];
  out[31] = from->sp;
  out[32] = from->pc;
  out[33] = from->pstate;
}

/* asm/sigcontext.h: struct fpsimd_context is the first record of `__reserved`; fpsr and fpcr stand
 * before the vectors there, behind them in the note. */
int inq_float_registers(const void* ucontext, unsigned char out[kInqFloatBytes]) {
  enum { kHead = 8, kStatus = 8, kVectors = 32 * 16, kMagic = 0x46508001 };
  const unsigned char* record =
      (const unsigned char*)((const ucontext_t*)ucontext)->uc_mcontext.__reserved;
  uint32_t magic;
  inq_copy(&magic, record, sizeof magic);
  if (magic != kMagic) return 0;
  inq_zero(out, kInqFloatBytes);
  inq_copy(out, record + kHead + kStatus, kVectors);
  inq_copy(out + kVectors, record + kHead, kStatus);
  return 1;
}

#endif
