#include "capture/handler/passing.h"

#include <errno.h>
#include <stddef.h>
#include <ucontext.h>

#include "capture/handler/process.h"
#include "capture/handler/raw.h"
#include "capture/handler/registers.h"

enum { kThreads = 256, kDepth = 4 };

struct inq_passing_thread {
  uint64_t thread; /* pid << 32 | tid; 0: free */
  int depth;
  struct inq_passing level[kDepth];
};

static struct inq_passing_thread table[kThreads];
/* How many entries are taken: the usual crash looks no further. */
static int taken;

/* Threads that leave a handler by longjmp and end, and those of the parent before a fork, leave
 * their entries behind. */
static int has_ended(uint64_t thread) {
  int pid = (int)(thread >> 32);
  if (pid != inq_getpid()) return !inq_is_vfork_child();
  return inq_tgkill(pid, (int)(uint32_t)thread, 0) == -ESRCH;
}

/* Entries are found at their place or not far behind it. */
enum { kFar = 16 };

static struct inq_passing_thread* place(uint64_t thread, unsigned step) {
  return &table[(thread + step) % kThreads];
}

/* Makes an entry of `from` (0: of nobody) that of `me`; null when another thread was faster. */
static struct inq_passing_thread* claim(struct inq_passing_thread* entry, uint64_t from,
                                        uint64_t me) {
  int was_free = from == 0;
  if (!__atomic_compare_exchange_n(&entry->thread, &from, me, 0, __ATOMIC_ACQ_REL,
                                   __ATOMIC_ACQUIRE))
    return NULL;
  entry->depth = 0;
  if (was_free) __atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED);
  return entry;
}

static struct inq_passing_thread* take_over(uint64_t me) {
  for (unsigned i = 0; i < kFar; ++i) {
    struct inq_passing_thread* entry = place(me, i);
    uint64_t thread = __atomic_load_n(&entry->thread, __ATOMIC_ACQUIRE);
    if (has_ended(thread)) return claim(entry, thread, me);
  }
  return NULL;
}

static struct inq_passing_thread* find(int make) {
  uint64_t me = inq_me();
  struct inq_passing_thread* unused = NULL;
  for (unsigned i = 0; i < kFar; ++i) {
    struct inq_passing_thread* entry = place(me, i);
    uint64_t thread = __atomic_load_n(&entry->thread, __ATOMIC_ACQUIRE);
    if (thread == me) return entry;
    if (thread == 0 && unused == NULL) unused = entry;
  }
  if (!make) return NULL;
  return unused != NULL ? claim(unused, 0, me) : take_over(me);
}

struct inq_passing inq_passing_of(int signal_number, siginfo_t* info, void* ucontext,
                                  uintptr_t frame) {
  return (struct inq_passing){.signal_number = signal_number,
                              .info = info,
                              .ucontext = ucontext,
                              .pc = inq_pc_of(ucontext),
                              .sp = inq_sp_of(ucontext),
                              .frame = frame};
}

enum { kOneStack = 64 * 1024 * 1024 };

static int is_below(const struct inq_passing* fault, uintptr_t position) {
  return position < fault->frame && fault->frame - position < kOneStack;
}

/* What runs while the handler works lies below it on its stack. A handler that is not above the
 * position, is on another stack, or whose signal frame has another content by now, was left by
 * longjmp. */
static int is_live(const struct inq_passing* fault, uintptr_t position) {
  if (!is_below(fault, position) || !inq_readable((uintptr_t)fault->ucontext)) return 0;
  if (inq_pc_of(fault->ucontext) != fault->pc || inq_sp_of(fault->ucontext) != fault->sp) return 0;
  if (fault->info->si_signo != fault->signal_number) return 0;
  const stack_t* alternate = &((const ucontext_t*)fault->ucontext)->uc_stack;
  return inq_is_on(alternate, fault->frame) == inq_is_on(alternate, position);
}

static void drop_stale(struct inq_passing_thread* entry, uintptr_t position) {
  while (entry->depth > 0 && !is_live(&entry->level[entry->depth - 1], position)) --entry->depth;
}

struct inq_passing_thread* inq_passing_begin(const struct inq_passing* fault) {
  struct inq_passing_thread* entry = find(1);
  if (entry == NULL) return NULL;
  drop_stale(entry, fault->frame);
  if (entry->depth == kDepth) return NULL;
  entry->level[entry->depth++] = *fault;
  return entry;
}

void inq_passing_end(struct inq_passing_thread* entry) {
  if (entry == NULL) return;
  if (entry->depth > 0) --entry->depth;
  if (entry->depth > 0) return;
  __atomic_sub_fetch(&taken, 1, __ATOMIC_RELAXED);
  __atomic_store_n(&entry->thread, 0, __ATOMIC_RELEASE);
}

struct inq_passing* inq_passing_now(uintptr_t position) {
  if (__atomic_load_n(&taken, __ATOMIC_RELAXED) == 0) return NULL;
  struct inq_passing_thread* entry = find(0);
  if (entry == NULL) return NULL;
  drop_stale(entry, position);
  return entry->depth > 0 ? &entry->level[entry->depth - 1] : NULL;
}

int inq_passing_calls_us(const void* ucontext, uintptr_t frame) {
  if (__atomic_load_n(&taken, __ATOMIC_RELAXED) == 0) return 0;
  const struct inq_passing_thread* entry = find(0);
  if (entry == NULL || entry->depth == 0) return 0;
  const struct inq_passing* last = &entry->level[entry->depth - 1];
  return last->ucontext == ucontext && is_below(last, frame);
}
