#include "capture/handler/move.h"

#include <stdint.h>
#include <ucontext.h>

#include "capture/handler/raw.h"
#include "capture/handler/registers.h"

int inq_is_moved_here(const void* ucontext) {
  const stack_t* stack = &((const ucontext_t*)ucontext)->uc_stack;
  return inq_is_on(stack, (uintptr_t)ucontext) && !inq_is_on(stack, inq_sp_of(ucontext));
}

#if defined(__x86_64__)

/* arch/x86: struct rt_sigframe is a return address, the kernel's ucontext and the siginfo; the
 * floating point state lies elsewhere, 64-byte aligned, and says how long it is
 * (struct _fpx_sw_bytes at offset 464). rt_sigreturn takes all of it from where it finds it. */
enum {
  kUcontextBytes = 304,
  kSiginfoBytes = 128,
  kRedZone = 128,
  kLegacyBytes = 512,
  kSoftwareBytes = 464,
  kMostFloatBytes = 64 * 1024,
  kHandlerRoom = 1024, /* for the handler to begin with */
};
#define FP_XSTATE_MAGIC UINT32_C(0x46505853)

struct frame {
  uintptr_t back; /* to the restorer */
  union {
    unsigned char bytes[kUcontextBytes];
    uintptr_t words[kUcontextBytes / sizeof(uintptr_t)];
  } ucontext;
  unsigned char info[kSiginfoBytes];
};
_Static_assert(sizeof(siginfo_t) == kSiginfoBytes, "the kernel's and the library's are the same");
_Static_assert(offsetof(ucontext_t, uc_sigmask) + 8 == kUcontextBytes, "as the kernel has it");

/* A shadow stack would have to be moved as well. */
int inq_can_move(void) {
  uintptr_t shadow_stack = 0;
  __asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0x1e, 0xc8" : "+a"(shadow_stack)); /* rdsspq %rax */
  return shadow_stack == 0;
}

static size_t float_bytes(const unsigned char* state) {
  uint32_t software[2]; /* magic, size */
  if (state == NULL) return 0;
  inq_copy(software, state + kSoftwareBytes, sizeof software);
  return software[0] == FP_XSTATE_MAGIC ? software[1] : kLegacyBytes;
}

static int has_room(uintptr_t begin, uintptr_t end) {
  for (uintptr_t at = end - 8; at >= begin; at = (at & ~(INQ_SMALL_PAGE - 1)) - 8) {
    if (!inq_writable(at)) return 0;
  }
  return inq_writable(begin);
}

/* Where the frame goes, filled; null when it cannot be done. */
static struct frame* copy_frame(const siginfo_t* info, const ucontext_t* context) {
  const unsigned char* state = (const unsigned char*)context->uc_mcontext.fpregs;
  size_t size = float_bytes(state);
  uintptr_t top = inq_sp_of(context) - kRedZone;
  if (size > kMostFloatBytes || top < 4 * (uintptr_t)kMostFloatBytes) return NULL;
  unsigned char* state_to = (unsigned char*)((top - size) & ~(uintptr_t)63);
  /* As at the entry of a function: 8 below a multiple of 16. */
  struct frame* frame =
      (struct frame*)((((uintptr_t)state_to - sizeof *frame) & ~(uintptr_t)15) - 8);
  if (!has_room((uintptr_t)frame - kHandlerRoom, top)) return NULL;
  frame->back = *((const uintptr_t*)context - 1);
  inq_copy(&frame->ucontext, context, kUcontextBytes);
  inq_copy(frame->info, info, kSiginfoBytes);
  if (state != NULL) {
    inq_copy(state_to, state, size);
    frame->ucontext.words[offsetof(ucontext_t, uc_mcontext.fpregs) / sizeof(uintptr_t)] =
        (uintptr_t)state_to;
  }
  return frame;
}

void inq_move_frame(int signal_number, siginfo_t* info, void* ucontext,
                    inq_signal_function function) {
  if (!inq_can_move()) return;
  struct frame* frame = copy_frame(info, ucontext);
  if (frame == NULL) return;
  __asm__ volatile(
      "movq %[frame], %%rsp\n"
      "xorl %%ebp, %%ebp\n"
      "jmpq *%[function]\n"
      :
      : [frame] "r"(frame), [function] "r"(function), "D"((long)signal_number), "S"(frame->info),
        "d"(&frame->ucontext)
      : "memory");
  __builtin_unreachable();
}

#else

int inq_can_move(void) { return 0; }

void inq_move_frame(int signal_number, siginfo_t* info, void* ucontext,
                    inq_signal_function function) {
  (void)signal_number;
  (void)info;
  (void)ucontext;
  (void)function;
}

#endif
