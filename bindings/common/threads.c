#include "bindings/common/threads.h"

#include "capture/handler/raw.h"

enum { kMostThreads = 256, kTaken = -1 };

static struct inq_thread threads[kMostThreads];

static int32_t tid_of(const struct inq_thread* thread) {
  return __atomic_load_n(&thread->tid, __ATOMIC_ACQUIRE);
}

const struct inq_thread* inq_thread_find(int tid) {
  for (int i = 0; i < kMostThreads; ++i) {
    if (tid_of(&threads[i]) == tid) return &threads[i];
  }
  return 0;
}

static struct inq_thread* free_place(void) {
  for (int i = 0; i < kMostThreads; ++i) {
    int32_t nobody = 0;
    if (__atomic_compare_exchange_n(&threads[i].tid, &nobody, kTaken, 0, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
      return &threads[i];
  }
  return 0;
}

int inq_thread_add(void* context, uintptr_t stack_begin, uintptr_t stack_end) {
  int tid = inq_gettid();
  struct inq_thread* thread = (struct inq_thread*)inq_thread_find(tid);
  if (thread == 0) {
    thread = free_place();
    if (thread == 0) return 0;
    thread->floor = 0;
  }
  thread->context = context;
  thread->stack_begin = stack_begin;
  thread->stack_end = stack_end;
  __atomic_store_n(&thread->tid, tid, __ATOMIC_RELEASE);
  return 1;
}

void inq_thread_limit(uintptr_t used, uintptr_t spared) {
  struct inq_thread* thread = (struct inq_thread*)inq_thread_find(inq_gettid());
  if (thread == 0 || thread->stack_end - thread->stack_begin <= spared) return;
  thread->floor = thread->stack_begin + spared;
  if (thread->stack_end - thread->floor > used) thread->floor = thread->stack_end - used;
}

void inq_thread_remove(const void* context) {
  for (int i = 0; i < kMostThreads; ++i) {
    if (tid_of(&threads[i]) > 0 && threads[i].context == context) {
      threads[i].context = 0;
      __atomic_store_n(&threads[i].tid, 0, __ATOMIC_RELEASE);
    }
  }
}
