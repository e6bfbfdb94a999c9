// Every kind of block that an allocator knows, in several threads. Prints them, then dies. The sizes are
// chosen for the bins of glibc's malloc; others are tried with the same program.
#include <malloc.h>
#include <pthread.h>

#include "ledger.h"

enum { kThreads = 8, kCount = 400 };
static pthread_barrier_t at_work, done;

static unsigned next_random(unsigned *state) {
  *state = *state * 1103515245u + 12345u;
  return *state >> 8;
}

// Sizes over all bins; a third is freed, in an order of its own, so that tcache, fastbins, small,
// large and unsorted bins all fill.
static void exercise(unsigned seed) {
  void *block[kCount];
  unsigned state = seed;
  for (int i = 0; i < kCount; ++i) {
    const unsigned r = next_random(&state) % 100;
    size_t size = r < 60 ? next_random(&state) % 180 : r < 90 ? next_random(&state) % 2000
                                                              : next_random(&state) % 60000;
    block[i] = take(size + 1);
  }
  for (int i = 0; i < kCount; ++i) {
    if (next_random(&state) % 3 == 0) {
      give_back(block[i]);
      block[i] = NULL;
    }
  }
  // One size nine times over: seven fill the tcache, two go on to a fastbin.
  void *same[9];
  for (int i = 0; i < 9; ++i) same[i] = take(0x48);
  for (int i = 0; i < 9; ++i) give_back(same[i]);
  void *zeroed = calloc(3, 40);
  ledger_note(zeroed, 120, 1);
  void *grown = take(100);
  ledger_note(grown, 100, 0);
  grown = realloc(grown, 5000);
  ledger_note(grown, 5000, 1);
  noted(memalign(256, 300), 300);
  noted(aligned_alloc(4096, 8192), 8192);
}

static void *run(void *argument) {
  exercise((unsigned)(uintptr_t)argument * 7919u + 17u);
  pthread_barrier_wait(&at_work);
  pthread_barrier_wait(&done);  // never: keeps the thread and its tcache
  return NULL;
}

int main(void) {
  pthread_barrier_init(&at_work, NULL, kThreads + 1);
  pthread_barrier_init(&done, NULL, kThreads + 2);
  exercise(1);
  for (uintptr_t i = 0; i < kThreads; ++i) {
    pthread_t thread;
    // Made one after the other, so that a ledger without order is enough.
    if (pthread_create(&thread, NULL, run, (void *)i) != 0) return 2;
  }
  pthread_barrier_wait(&at_work);
  // Mapped on their own; one moved by realloc, one aligned, one given back.
  void *large = take(300000);
  take(1 << 20);
  ledger_note(large, 300000, 0);
  large = realloc(large, 700000);
  ledger_note(large, 700000, 1);
  noted(memalign(65536, 400000), 400000);
  take(200 * 1024);
  ledger_print();
  abort();
}
