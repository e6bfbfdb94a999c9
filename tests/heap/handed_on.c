// Blocks that change hands: a thread frees what another one took, threads end while their blocks live
// on, blocks of one page's size and of tens of megabytes. For any allocator. Prints them, then dies.
#include <pthread.h>

#include "ledger.h"

enum { kThreads = 5, kCount = 600 };
static void *shared[kThreads][kCount];
static pthread_barrier_t taken, returned, done;

static size_t size_of(unsigned owner, unsigned i) {
  static const size_t kSizes[] = {8, 16, 24, 48, 100, 256, 640, 1500, 5000, 20000};
  return kSizes[(owner + i) % 10] + i % 7;
}

static void *work(void *argument) {
  const unsigned me = (unsigned)(uintptr_t)argument, next = (me + 1) % kThreads;
  for (unsigned i = 0; i < kCount; ++i) shared[me][i] = take(size_of(me, i));
  pthread_barrier_wait(&taken);
  for (unsigned i = 0; i < kCount; i += 3) give_back(shared[next][i]);  // its neighbour's
  for (unsigned i = 1; i < kCount; i += 5) {                            // its own
    if (i % 3 != 0) give_back(shared[me][i]);
  }
  pthread_barrier_wait(&returned);
  if (me % 2 == 0) return NULL;  // its blocks outlive it
  pthread_barrier_wait(&done);   // never
  return NULL;
}

int main(void) {
  pthread_t thread[kThreads];
  pthread_barrier_init(&taken, NULL, kThreads);
  pthread_barrier_init(&returned, NULL, kThreads + 1);
  pthread_barrier_init(&done, NULL, kThreads + 1);
  for (uintptr_t i = 0; i < kThreads; ++i) {
    if (pthread_create(&thread[i], NULL, work, (void *)i) != 0) return 2;
  }
  pthread_barrier_wait(&returned);
  for (unsigned i = 0; i < kThreads; i += 2) pthread_join(thread[i], NULL);
  // After the owner's end: what it left is given back by another thread.
  for (unsigned i = 2; i < kCount; i += 15) give_back(shared[0][i]);
  take(3 << 20);
  take(20 << 20);
  take(40 << 20);
  give_back(take(50 << 20));
  give_back(take(2 << 20));
  take(70000);
  ledger_print();
  abort();
}
