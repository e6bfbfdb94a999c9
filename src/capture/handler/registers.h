/* The registers of a ucontext_t. */
#ifndef INQUEST_CAPTURE_HANDLER_REGISTERS_H
#define INQUEST_CAPTURE_HANDLER_REGISTERS_H

#include <stddef.h>
#include <stdint.h>

enum {
#if defined(__x86_64__)
  kInqNoteRegisters = 27, /* struct user_regs_struct, sys/user.h */
  kInqFloatBytes = 512,   /* struct user_fpregs_struct: the FXSAVE area */
#else
  kInqNoteRegisters = 34, /* struct user_pt_regs: x0..x30, sp, pc, pstate */
  kInqFloatBytes = 528,   /* struct user_fpsimd_state */
#endif
};

/* Program counter and stack pointer. */
uintptr_t inq_pc_of(const void* ucontext);
uintptr_t inq_sp_of(const void* ucontext);

/* The general ones as core notes want them. */
void inq_note_registers(const void* ucontext, uint64_t out[kInqNoteRegisters]);

/* Floating point and vector registers; 0 when the signal frame does not hold them. */
int inq_float_registers(const void* ucontext, unsigned char out[kInqFloatBytes]);

/* The thread pointer: fs_base, or tpidr_el0. */
uintptr_t inq_thread_pointer(void);

#endif
