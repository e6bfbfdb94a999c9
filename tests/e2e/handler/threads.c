// threads: makes many threads, ends them in every way, and looks whether anything of ours stays behind.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

static atomic_int without_stack, lost_stack, ran;
static char own[65536];

static int has_stack(void) {
  stack_t now;
  sigaltstack(NULL, &now);
  return (now.ss_flags & SS_DISABLE) == 0;
}

static void* returns(void* argument) {
  without_stack += !has_stack();
  ++ran;
  return argument;
}

static void* exits(void* argument) {
  without_stack += !has_stack();
  ++ran;
  pthread_exit(argument);
}

static void* waits(void* argument) {
  without_stack += !has_stack();
  ++ran;
  for (;;) pause();
  return argument;
}

static int c11(void* argument) {
  without_stack += !has_stack();
  ++ran;
  return argument == &ran ? 42 : 0;
}

static pthread_key_t late;
static void looks(void* unused) {
  (void)unused;
  stack_t now;
  sigaltstack(NULL, &now);
  if (now.ss_sp != own || (now.ss_flags & SS_DISABLE) != 0) ++lost_stack;
}

// A stack that the program sets itself is left alone, also at the end of the thread.
static void* brings_its_own(void* argument) {
  stack_t mine = {.ss_sp = own, .ss_size = sizeof own};
  sigaltstack(&mine, NULL);
  pthread_setspecific(late, argument);
  ++ran;
  return argument;
}

static int mappings(void) {
  int lines = 0, c;
  FILE* maps = fopen("/proc/self/maps", "r");
  while ((c = getc(maps)) != EOF) lines += c == '\n';
  fclose(maps);
  return lines;
}

static void* run(void* (*start)(void*), void* argument) {
  pthread_t thread;
  void* result = NULL;
  if (pthread_create(&thread, NULL, start, argument) != 0) _exit(80);
  pthread_join(thread, &result);
  return result;
}

static void many_at_once(void) {
  enum { kThreads = 200 };
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; ++i) {
    if (pthread_create(&threads[i], NULL, i % 2 ? waits : returns, NULL) != 0) _exit(81);
  }
  for (int i = 0; i < kThreads; ++i) {
    if (i % 2) pthread_cancel(threads[i]);
    pthread_join(threads[i], NULL);
  }
}

int main(void) {
  int result = 0;
  thrd_t c_thread;
  pthread_attr_t impossible;
  pthread_t thread;
  pthread_key_create(&late, looks);
  many_at_once();
  int before = mappings();
  for (int i = 0; i < 3000; ++i) {
    if (run(i % 2 ? returns : exits, &ran) != &ran) return 82;
  }
  for (int i = 0; i < 20; ++i) many_at_once();
  for (int i = 0; i < 100; ++i) {
    thrd_create(&c_thread, c11, &ran);
    thrd_join(c_thread, &result);
    if (result != 42) return 83;
    if (run(brings_its_own, &ran) != &ran) return 84;
  }
  pthread_attr_init(&impossible);
  pthread_attr_setstacksize(&impossible, (size_t)1 << 46);
  for (int i = 0; i < 100; ++i) {
    if (pthread_create(&thread, &impossible, returns, NULL) == 0) return 85;
  }
  int after = mappings();
  printf("ran %d without %d lost %d mappings %d -> %d\n", ran, without_stack, lost_stack, before, after);
  if (without_stack != 0 || lost_stack != 0) return 86;
  return after > before + 40 ? 87 : 0;
}
