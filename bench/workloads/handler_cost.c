// What the handler costs: handler_cost calls|exec|threads|signals|faults N prints the
// nanoseconds of processor and of the clock for one; `listen NAME FILE` is a
// supervisor that answers at once and prints how long after the fault it heard of it; `die FILE` notes the time and dies.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "capture/wire/crash_request.h"

extern char** environ;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// Processor time of this process and its children: a busy machine changes it less than the clock.
static int64_t processor(void) {
  struct rusage own, children;
  getrusage(RUSAGE_SELF, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  int64_t seconds = own.ru_utime.tv_sec + own.ru_stime.tv_sec + children.ru_utime.tv_sec + children.ru_stime.tv_sec;
  int64_t micros = own.ru_utime.tv_usec + own.ru_stime.tv_usec + children.ru_utime.tv_usec + children.ru_stime.tv_usec;
  return (seconds * 1000000 + micros) * 1000;
}

static void* nothing(void* argument) { return argument; }
static void count(int number) { (void)number; }

// `mov (%rax), %eax` is two bytes long.
static void step_over(int number, siginfo_t* info, void* context) {
  (void)number, (void)info;
#if defined(__x86_64__)
  ((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP] += 2;
#else
  ((ucontext_t*)context)->uc_mcontext.pc += 4;
#endif
}

static void fault(void) {
#if defined(__x86_64__)
  __asm__ volatile("xorl %%eax, %%eax\n.byte 0x8b, 0x00" ::: "rax", "memory");
#else
  __asm__ volatile("mov x0, #0\nldr w0, [x0]" ::: "x0", "memory");
#endif
}

static void once(const char* what) {
  pid_t child;
  pthread_t thread;
  char* arguments[] = {"true", NULL};
  if (what[0] == 'e') {
    if (posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ) == 0) waitpid(child, NULL, 0);
  } else if (what[0] == 't') {
    if (pthread_create(&thread, NULL, nothing, NULL) == 0) pthread_join(thread, NULL);
  } else if (what[0] == 's') {
    raise(SIGUSR1);
  } else if (what[0] == 'c') {
    syscall(SYS_getppid);
  } else {
    fault();
  }
}

static int64_t* shared(const char* path) {
  int fd = open(path, O_RDWR | O_CREAT, 0600);
  if (fd < 0 || ftruncate(fd, 4096) != 0) exit(1);
  return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int supervise(const char* name, const char* file) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  volatile int64_t* fault_time = shared(file);
  int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  memcpy(address.sun_path + 1, name, strlen(name));
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
  if (bind(listener, (struct sockaddr*)&address, size) != 0 || listen(listener, 64) != 0) return 1;
  puts("ready");
  for (;;) {
    struct inquest_crash_request request;
    struct inquest_crash_reply reply = {INQUEST_WIRE_MAGIC, 1, sizeof reply, INQUEST_REPLY_CAPTURED, 0};
    fflush(stdout);
    int connection = accept(listener, NULL, NULL);
    if (connection < 0 || recv(connection, &request, sizeof request, 0) <= 0) return 0;
    printf("%ld\n", (long)(now() - *fault_time));
    if (send(connection, &reply, sizeof reply, 0) < 0) return 1;
    close(connection);
  }
}

int main(int argc, char** argv) {
  if (argc == 4 && strcmp(argv[1], "listen") == 0) return supervise(argv[2], argv[3]);
  if (argc != 3) return 2;
  if (strcmp(argv[1], "die") == 0) {
    volatile int64_t* fault_time = shared(argv[2]);
    *fault_time = 0;  // the page is there
    *fault_time = now();
    fault();
  }
  struct sigaction action = {.sa_sigaction = step_over, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  signal(SIGUSR1, count);
  long number = atol(argv[2]);
  for (long i = 0; i < number / 10; ++i) once(argv[1]);
  int64_t begin = processor(), clock_begin = now();
  for (long i = 0; i < number; ++i) once(argv[1]);
  double used = (double)(processor() - begin), passed = (double)(now() - clock_begin);
  printf("%.2f %.2f\n", used / (double)number, passed / (double)number);
  return 0;
}
