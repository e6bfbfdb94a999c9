// die HOW WHERE: dies of HOW (a signal's name, "overflow", "abort") in WHERE:
//   main     the main thread
//   worker   one thread made by pthread_create, while the main thread waits
//   many     one of 32 threads, the others compute
//   storm    32 threads at once
//   c11      a thread made by thrd_create
//   clone    a thread made by the system call, which knows nothing of the C library
//   fork     a child by fork; the parent dies of the same signal (or exits with the same status)
//   vfork    a child by vfork; the parent exits with 7
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

#include "faults.h"

static const char* how;
static volatile int go;

static void* dying(void* unused) {
  (void)unused;
  fault(how);
  return NULL;
}

static void* busy(void* unused) {
  (void)unused;
  for (volatile unsigned long n = 0;; ++n) {
  }
  return NULL;
}

static void* at_once(void* unused) {
  (void)unused;
  while (!go) sched_yield();
  fault(how);
  return NULL;
}

static int c11(void* unused) {
  dying(unused);
  return 0;
}

static int raw_thread(void* unused) {
  dying(unused);
  return 0;
}

static pthread_t make(void* (*start)(void*)) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, start, NULL) != 0) _exit(99);
  return thread;
}

static void wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
  signal(WTERMSIG(status), SIG_DFL);
  raise(WTERMSIG(status));
  _exit(98);
}

int main(int argc, char** argv) {
  if (argc != 3) return 97;
  how = argv[1];
  const char* where = argv[2];
  struct rlimit stack = {256 * 1024, RLIM_INFINITY};
  if (strcmp(how, "overflow") == 0) setrlimit(RLIMIT_STACK, &stack);
  if (strcmp(where, "main") == 0) dying(NULL);
  if (strcmp(where, "worker") == 0) pthread_join(make(dying), NULL);
  if (strcmp(where, "many") == 0) {
    for (int i = 0; i < 31; ++i) make(busy);
    pthread_join(make(dying), NULL);
  }
  if (strcmp(where, "storm") == 0) {
    for (int i = 0; i < 32; ++i) make(at_once);
    go = 1;
    pause();
  }
  if (strcmp(where, "c11") == 0) {
    thrd_t thread;
    thrd_create(&thread, c11, NULL);
    thrd_join(thread, NULL);
  }
  if (strcmp(where, "clone") == 0) {
    enum { kBytes = 1 << 20 };
    char* stack_memory = mmap(NULL, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    clone(raw_thread, stack_memory + kBytes,
          CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, NULL);
    pause();
  }
  if (strcmp(where, "fork") == 0) {
    pid_t child = fork();
    if (child == 0) dying(NULL);
    wait_for(child);
  }
  if (strcmp(where, "vfork") == 0) {
    pid_t child = vfork();
    if (child == 0) {
      dying(NULL);
      _exit(96);
    }
    int status = 0;
    waitpid(child, &status, 0);
    _exit(WIFSIGNALED(status) ? 7 : 95);
  }
  return 94;
}
