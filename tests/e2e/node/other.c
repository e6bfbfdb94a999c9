/* An add-on as others are: a crash handler of its own, a crash on a thread that runs no JavaScript, a call of a wild
 * pointer, memory that is kept out of children while the process dies. */
#include "bindings/node/node_api.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_signal(int signal_number) {
  (void)signal_number;
  static const char kText[] = "theirs\n";
  if (write(2, kText, sizeof kText - 1) < 0) _exit(1);
}

static napi_value handle(napi_env env, napi_callback_info info) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  (void)env;
  (void)info;
  sigaction(SIGSEGV, &action, 0);
  return 0;
}

static void *crash(void *unused) {
  (void)unused;
  *(volatile int *)16 = 1;
  return 0;
}

static napi_value pool(napi_env env, napi_callback_info info) {
  pthread_t thread;
  (void)env;
  (void)info;
  pthread_create(&thread, 0, crash, 0);
  pthread_join(thread, 0);
  return 0;
}

static napi_value jump(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  ((void (*)(void))0x77777000)();
  return 0;
}

/* The engine's threads map pages of the heap at any time, and keep them out of children (MADV_DONTFORK). This one does
 * so with all of the heap, again and again, until a child has been made: that child lacks some. */
enum { kMostRanges = 4096, kPieces = 20000, kPageBytes = 4096 };
static struct {
  unsigned long begin, end;
} ranges[kMostRanges];
static int range_count;

static void *keep_out(void *unused) {
  (void)unused;
  for (;;) {
    siginfo_t info;
    for (int i = 0; i < range_count; ++i)
      madvise((void *)ranges[i].begin, ranges[i].end - ranges[i].begin, MADV_DONTFORK);
    if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) == 0) return 0;
  }
}

static napi_value keep_heap_out(napi_env env, napi_callback_info info) {
  pthread_t thread;
  char line[4096];
  unsigned long begin = 0, end = 0;
  FILE *maps = fopen("/proc/self/smaps", "r");
  (void)info;
  while (maps && fgets(line, sizeof line, maps)) {
    unsigned long from, to;
    if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
      begin = from;
      end = to;
    } else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " dc") && range_count < kMostRanges) {
      ranges[range_count].begin = begin;
      ranges[range_count++].end = end;
    }
  }
  if (maps) fclose(maps);
  /* Many mappings above the heap, so that marking takes a while after the heap has been. */
  char *pieces = mmap(0, 2L * kPieces * kPageBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (long i = 0; pieces != MAP_FAILED && i < kPieces; ++i) mprotect(pieces + 2 * i * kPageBytes, kPageBytes, PROT_NONE);
  pthread_create(&thread, 0, keep_out, 0);
  napi_value count;
  return napi_create_int32(env, range_count, &count) == napi_ok ? count : 0;
}

__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  static const struct {
    const char *name;
    napi_callback function;
  } kAll[] = {{"handle", handle}, {"pool", pool}, {"jump", jump}, {"keepHeapOut", keep_heap_out}};
  for (int i = 0; i < 4; ++i) {
    napi_value function;
    napi_create_function(env, kAll[i].name, NAPI_AUTO_LENGTH, kAll[i].function, 0, &function);
    napi_set_named_property(env, exports, kAll[i].name, function);
  }
  return exports;
}
