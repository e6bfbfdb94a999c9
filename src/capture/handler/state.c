#include "capture/handler/state.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MAGIC UINT64_C(0x65746174735f7169) /* "iq_state" */

enum { kCopies = 2 };
_Static_assert(sizeof(struct inq_state) <= 4096, "a copy fits a page of any size");
_Static_assert(sizeof(struct inq_state) % 8 == 0, "the checksum goes over whole words");

/* One page more than is used: the copies begin at the first page border in it. */
static unsigned char area[(kCopies + 1) * INQ_PAGE_BYTES];
/* pid << 32 | tid of the thread that changes the state; 0: nobody. */
static uint64_t changing;

static const uint8_t kWatched[kInqWatchedCount] = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE, SIGTRAP,
                                                   SIGSYS,  SIGABRT, SIGXCPU, SIGXFSZ};

int inq_watched_index(int signal_number) {
  for (int i = 0; i < kInqWatchedCount; ++i) {
    if (kWatched[i] == signal_number) return i;
  }
  return -1;
}

int inq_watched_signal(int index) { return kWatched[index]; }

uint64_t inq_fault_signals(void) {
  return INQ_BIT(SIGSEGV) | INQ_BIT(SIGBUS) | INQ_BIT(SIGILL) | INQ_BIT(SIGFPE) | INQ_BIT(SIGTRAP) |
         INQ_BIT(SIGSYS);
}

int inq_is_still(const struct inq_descriptor* descriptor) {
  struct stat status;
  return descriptor->fd >= 0 &&
         inq_syscall(SYS_fstat, descriptor->fd, (long)&status, 0, 0, 0, 0) == 0 &&
         status.st_dev == descriptor->device && status.st_ino == descriptor->inode;
}

static struct inq_state* copy(int number) {
  uintptr_t begin = ((uintptr_t)area + INQ_PAGE_BYTES - 1) & ~(uintptr_t)(INQ_PAGE_BYTES - 1);
  return (struct inq_state*)(begin + (uintptr_t)number * INQ_PAGE_BYTES);
}

static uint64_t mix(uint64_t sum, uint64_t word) {
  sum ^= word;
  sum *= UINT64_C(0x9e3779b97f4a7c15);
  return sum ^ (sum >> 29);
}

static uint64_t checksum(const struct inq_state* state) {
  const unsigned char* bytes = (const unsigned char*)state;
  uint64_t sum = MAGIC;
  for (size_t at = offsetof(struct inq_state, wanted); at < sizeof *state; at += sizeof(uint64_t)) {
    uint64_t word;
    __builtin_memcpy(&word, bytes + at, sizeof word); /* one load */
    sum = mix(sum, word);
  }
  return sum;
}

static uint64_t disposition_check(const struct inq_disposition* d) {
  return mix(mix(mix(MAGIC, d->handler), d->flags), d->mask);
}

static int is_whole(const struct inq_state* state) {
  return state->magic == MAGIC && state->checksum == checksum(state);
}

const struct inq_state* inq_whole_state(int* damaged) {
  const struct inq_state* found = NULL;
  *damaged = 0;
  for (int i = 0; i < kCopies; ++i) {
    /* After the whole area was unmapped or protected by a stray call, do not fault on it. */
    if (!inq_readable((uintptr_t)copy(i)) || !is_whole(copy(i))) {
      *damaged = 1;
    } else if (found == NULL) {
      found = copy(i);
    }
  }
  return found;
}

struct inq_disposition inq_wanted(int index) {
  for (int i = 0; i < kCopies && index >= 0; ++i) {
    /* The other copy is whole while this one is being changed. */
    struct inq_disposition wanted = copy(i)->wanted[index];
    if (wanted.check == disposition_check(&wanted)) return wanted;
  }
  return (struct inq_disposition){.handler = (uintptr_t)SIG_DFL};
}

int inq_is_interposed(void) { return copy(0)->interposed == 1 && copy(0)->magic == MAGIC; }

int inq_has_judge(void) { return copy(0)->judge != 0 && copy(0)->magic == MAGIC; }

void inq_set_disposition(struct inq_state* state, int index, uintptr_t handler, uint64_t flags,
                         uint64_t mask) {
  struct inq_disposition* d = &state->wanted[index];
  d->handler = handler;
  d->flags = flags;
  d->mask = mask;
  d->check = disposition_check(d);
}

static void take_lock(void) {
  uint64_t me = inq_me();
  for (;;) {
    uint64_t holder = 0;
    if (__atomic_compare_exchange_n(&changing, &holder, me, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
      return;
    /* Held at a fork by a thread that does not exist here. */
    if (holder >> 32 != me >> 32 &&
        __atomic_compare_exchange_n(&changing, &holder, me, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
      return;
    inq_sleep_ms(1);
  }
}

static void edit_copy(struct inq_state* state, inq_state_edit edit, const void* argument) {
  state->magic = MAGIC;
  edit(state, argument);
  state->checksum = checksum(state);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

long inq_state_change(inq_state_edit edit, const void* argument) {
  uint64_t all = ~UINT64_C(0), before = 0;
  inq_sigprocmask(SIG_SETMASK, &all, &before);
  take_lock();
  long result = inq_protect(copy(0), kCopies * INQ_PAGE_BYTES, PROT_READ | PROT_WRITE);
  if (result == 0) {
    /* A damaged first copy is taken from the second, and the other way round. */
    int damaged;
    const struct inq_state* whole = inq_whole_state(&damaged);
    if (damaged && whole != NULL)
      inq_copy(whole == copy(0) ? copy(1) : copy(0), whole, sizeof *whole);
    for (int i = 0; i < kCopies; ++i) edit_copy(copy(i), edit, argument);
    inq_protect(copy(0), kCopies * INQ_PAGE_BYTES, PROT_READ);
  }
  __atomic_store_n(&changing, 0, __ATOMIC_RELEASE);
  inq_sigprocmask(SIG_SETMASK, &before, NULL);
  return result;
}
