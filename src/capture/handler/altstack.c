#include "capture/handler/altstack.h"

#include <signal.h>
#include <sys/mman.h>

enum { kKept = 16 };

/* Stacks of threads that ended, so that a program that makes many threads maps few. */
static struct inq_stack* kept[kKept];

/* The struct stands at the end of the mapping, 64 bytes to keep the stack's end aligned. */
enum { kHeadBytes = 64 };
_Static_assert(sizeof(struct inq_stack) <= kHeadBytes, "the head has its room");

static size_t mapping_bytes(void) { return INQ_PAGE_BYTES + INQ_STACK_BYTES; }

struct inq_stack* inq_stack_make(void) {
  for (int i = 0; i < kKept; ++i) {
    if (__atomic_load_n(&kept[i], __ATOMIC_RELAXED) == NULL) continue;
    struct inq_stack* stack = __atomic_exchange_n(&kept[i], NULL, __ATOMIC_ACQUIRE);
    if (stack != NULL) return stack;
  }
  long base = inq_map(mapping_bytes(), PROT_READ | PROT_WRITE);
  if (base < 0 && base > -4096) return NULL;
  if (inq_protect((void*)base, INQ_PAGE_BYTES, PROT_NONE) < 0) {
    inq_unmap((void*)base, mapping_bytes());
    return NULL;
  }
  struct inq_stack* stack =
      (struct inq_stack*)((uintptr_t)base + mapping_bytes() - (size_t)kHeadBytes);
  stack->base = (uintptr_t)base;
  return stack;
}

void inq_stack_free(struct inq_stack* stack) {
  for (int i = 0; i < kKept; ++i) {
    struct inq_stack* nothing = NULL;
    if (__atomic_compare_exchange_n(&kept[i], &nothing, stack, 0, __ATOMIC_RELEASE,
                                    __ATOMIC_RELAXED))
      return;
  }
  inq_unmap((void*)stack->base, mapping_bytes());
}

static stack_t description(const struct inq_stack* stack) {
  return (stack_t){.ss_sp = (void*)(stack->base + INQ_PAGE_BYTES),
                   .ss_size = INQ_STACK_BYTES - kHeadBytes};
}

int inq_stack_enter(const struct inq_stack* stack) {
  stack_t now, ours = description(stack);
  if (inq_sigaltstack(NULL, &now) < 0 || (now.ss_flags & SS_DISABLE) == 0) return 0;
  return inq_sigaltstack(&ours, NULL) == 0;
}

int inq_stack_leave(const struct inq_stack* stack) {
  stack_t now, ours = description(stack), none = {.ss_flags = SS_DISABLE};
  if (inq_sigaltstack(NULL, &now) < 0) return 0;
  if (now.ss_sp != ours.ss_sp) return 1;
  return inq_sigaltstack(&none, NULL) == 0;
}
