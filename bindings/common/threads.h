/* Which threads run the language, and where their stacks are: a fixed table, read in the signal
 * handler without locks and without thread-local storage, whose first use may allocate. */
#ifndef INQUEST_BINDINGS_THREADS_H
#define INQUEST_BINDINGS_THREADS_H

#include <stdint.h>

struct inq_thread {
  int32_t tid;                      /* 0: the place is free */
  void* context;                    /* the language's own, e.g. a napi_env */
  uintptr_t stack_begin, stack_end; /* 0: unknown */
  /* The lowest stack pointer with which the language still runs; 0: unknown. */
  uintptr_t floor;
};

/* Notes the calling thread, or notes it anew. 0 when there is no room (256 threads). */
int inq_thread_add(void* context, uintptr_t stack_begin, uintptr_t stack_end);
/* Says how deep the language lets the calling thread's stack become: at most `used` bytes from its
 * end, and never into the last `spared` bytes. */
void inq_thread_limit(uintptr_t used, uintptr_t spared);
/* Forgets the thread with this context. */
void inq_thread_remove(const void* context);
/* The thread, or null. */
const struct inq_thread* inq_thread_find(int tid);

#endif
