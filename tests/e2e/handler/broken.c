// broken HOW: dies with something important already broken.
#define _GNU_SOURCE
#include <asm/unistd.h>
#include <linux/audit.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/auxv.h>

#include "faults.h"

// Big enough for the unsorted bin: malloc follows its pointers with the arena's lock held.
static void break_bins(uintptr_t pointer) {
  void* volatile keep[2];
  uintptr_t* big = malloc(4000);
  keep[0] = malloc(4000);
  free(big);
  big[1] = pointer;
  keep[1] = malloc(5000);
}

static void break_heap(void) {
  char* block = malloc(100);
  memset(block - 16, 0xff, 65536);
  free(block);
  free(malloc(30));
}

// The pages of the preloaded object, or of the program, whose mapping is `rights` and has no file:
// its .bss.
static int each_bss(const char* rights, int (*visit)(uintptr_t begin, uintptr_t end)) {
  char line[512];
  int found = 0, in_object = 0;
  FILE* maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps) != NULL) {
    uintptr_t begin, end;
    char is[5], path[300] = "";
    sscanf(line, "%lx-%lx %4s %*s %*s %*s %299[^\n]", &begin, &end, is, path);
    if (strstr(path, "libinquest") != NULL)
      in_object = 1;
    else if (path[0] != '\0')
      in_object = 0;
    if (in_object && path[0] == '\0' && strcmp(is, rights) == 0) found += visit(begin, end);
  }
  return found;
}

static int scribble_first(uintptr_t begin, uintptr_t end) {
  (void)end;
  mprotect((void*)begin, 4096, PROT_READ | PROT_WRITE);
  memset((void*)begin, 0x41, 4096);
  return 1;
}

static int scribble_all(uintptr_t begin, uintptr_t end) {
  mprotect((void*)begin, end - begin, PROT_READ | PROT_WRITE);
  memset((void*)begin, 0x41, end - begin);
  return 1;
}

static int unmap(uintptr_t begin, uintptr_t end) {
  munmap((void*)begin, end - begin);
  return 1;
}

#if defined(__x86_64__)
enum { kArchitecture = AUDIT_ARCH_X86_64 };
static void lose_stack(void) { __asm__ volatile("movq $0x10, %rsp\npush %rax"); }
static void lose_thread_pointer(void) { syscall(SYS_arch_prctl, 0x1002, 0UL); }
#else
enum { kArchitecture = AUDIT_ARCH_AARCH64 };
static void lose_stack(void) { __asm__ volatile("mov x0, #16\nmov sp, x0\nstr x0, [sp, #-16]!"); }
static void lose_thread_pointer(void) { __asm__ volatile("msr tpidr_el0, xzr"); }
#endif

// An alternate stack of the program's own, as small as may be, with nothing below it.
static void small_stack(void) {
  size_t frame = getauxval(51 /* AT_MINSIGSTKSZ */);
  size_t size = ((frame != 0 ? frame : 2048) + 4096 + 63) & ~(size_t)63;
  char* pages = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(pages, 4096, PROT_NONE);
  stack_t stack = {.ss_sp = pages + 4096, .ss_size = size};
  sigaltstack(&stack, NULL);
}

// What a container's filter may forbid; `action` is what then happens.
static void forbid(unsigned action) {
#define NO(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), BPF_STMT(BPF_RET | BPF_K, action)
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      NO(SYS_socket),
      NO(SYS_connect),
      NO(SYS_rt_tgsigqueueinfo),
      NO(SYS_process_vm_readv),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void takes_it_for_a_forbidden_call(int number) {
  (void)number;
  _exit(78);
}

static void exits(int number) {
  (void)number;
  _exit(5);
}

int main(int argc, char** argv) {
  if (argc != 2) return 97;
  const char* how = argv[1];
  if (strcmp(how, "bins") == 0) break_bins(0x1234);                          // SIGSEGV in malloc
  if (strcmp(how, "bins-abort") == 0) break_bins((uintptr_t)&sink & ~15UL);  // malloc's own check
  if (strcmp(how, "heap") == 0) break_heap();
  if (strcmp(how, "one-copy") == 0 && each_bss("r--p", scribble_first) != 1) return 80;
  if (strcmp(how, "both-copies") == 0 && each_bss("r--p", scribble_all) != 1) return 81;
  if (strcmp(how, "no-state") == 0 && each_bss("r--p", unmap) != 1) return 82;
  if (strcmp(how, "no-memory") == 0 && each_bss("rw-p", unmap) < 1) return 83;
  if (strcmp(how, "small-stack") == 0) small_stack();
  if (strcmp(how, "stack") == 0) lose_stack();
  if (strcmp(how, "thread-pointer") == 0) lose_thread_pointer();
  if (strcmp(how, "errno") == 0) forbid(SECCOMP_RET_ERRNO | 1);
  if (strcmp(how, "errno-abort") == 0) {
    forbid(SECCOMP_RET_ERRNO | 1);
    abort();
  }
  if (strcmp(how, "trap-abort") == 0) {
    forbid(SECCOMP_RET_TRAP);
    abort();
  }
  if (strncmp(how, "trap-handled", 12) == 0) {
    signal(SIGSYS, takes_it_for_a_forbidden_call);
    if (how[12] != '\0') signal(SIGSEGV, exits);
    forbid(SECCOMP_RET_TRAP);
  }
  if (strcmp(how, "kill") == 0) forbid(SECCOMP_RET_KILL_PROCESS);
  *(volatile int*)0x1234 = 1;
  return 94;
}
