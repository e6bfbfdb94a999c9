#include "capture/handler/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#if defined(__x86_64__)

long inq_syscall(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

/* Unwinders and debuggers know the frame by exactly these bytes and, where there are symbols, by
 * this name (libgcc: x86_64_fallback_frame_state; gdb: amd64_linux_sigtramp_p). */
__asm__(
    ".text\n"
    ".balign 16\n"
    "nop\n"
    ".type __restore_rt,@function\n"
    "__restore_rt:\n"
    "movq $15, %rax\n"
    "syscall\n"
    ".size __restore_rt, .-__restore_rt\n");
extern const char inq_restorer[] __asm__("__restore_rt") __attribute__((visibility("hidden")));

#else

long inq_syscall(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
}

#endif

static long call0(long number) { return inq_syscall(number, 0, 0, 0, 0, 0, 0); }

static long call3(long number, long a, long b, long c) {
  return inq_syscall(number, a, b, c, 0, 0, 0);
}

static long call4(long number, long a, long b, long c, long d) {
  return inq_syscall(number, a, b, c, d, 0, 0);
}

long inq_sigaction(int signal_number, const struct inq_kernel_action* action,
                   struct inq_kernel_action* old) {
  struct inq_kernel_action filled;
  if (action != NULL) {
    filled = *action;
#if defined(__x86_64__)
    filled.flags |= INQ_SA_RESTORER;
    filled.restorer = (uintptr_t)inq_restorer;
#else
    filled.flags &= ~INQ_SA_RESTORER;
    filled.restorer = 0;
#endif
  }
  return call4(SYS_rt_sigaction, signal_number, action != NULL ? (long)&filled : 0, (long)old,
               sizeof(uint64_t));
}

int inq_is_own_restorer(uintptr_t restorer) {
#if defined(__x86_64__)
  return restorer == (uintptr_t)inq_restorer;
#else
  return restorer == 0;
#endif
}

long inq_sigprocmask(int how, const uint64_t* set, uint64_t* old) {
  return call4(SYS_rt_sigprocmask, how, (long)set, (long)old, sizeof(uint64_t));
}

long inq_sigaltstack(const stack_t* stack, stack_t* old) {
  return call3(SYS_sigaltstack, (long)stack, (long)old, 0);
}

long inq_queue_signal(int pid, int tid, int signal_number, const siginfo_t* info) {
  return call4(SYS_rt_tgsigqueueinfo, pid, tid, signal_number, (long)info);
}

long inq_tgkill(int pid, int tid, int signal_number) {
  return call3(SYS_tgkill, pid, tid, signal_number);
}

int inq_getpid(void) { return (int)call0(SYS_getpid); }
int inq_gettid(void) { return (int)call0(SYS_gettid); }
uint64_t inq_me(void) { return (uint64_t)(uint32_t)inq_getpid() << 32 | (uint32_t)inq_gettid(); }
uint32_t inq_geteuid(void) { return (uint32_t)call0(SYS_geteuid); }

long inq_map(size_t bytes, int protection) {
  return inq_syscall(SYS_mmap, 0, (long)bytes, protection,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

long inq_unmap(void* address, size_t bytes) {
  return call3(SYS_munmap, (long)address, (long)bytes, 0);
}

long inq_protect(void* address, size_t bytes, int protection) {
  return call3(SYS_mprotect, (long)address, (long)bytes, protection);
}

long inq_advise(void* address, size_t bytes, int advice) {
  return call3(SYS_madvise, (long)address, (long)bytes, advice);
}

long inq_open_at(int directory, const char* path, int flags, int mode) {
  long result;
  do {
    result = call4(SYS_openat, directory, (long)path, flags, mode);
  } while (result == -EINTR);
  return result;
}

long inq_open(const char* path, int flags, int mode) {
  return inq_open_at(AT_FDCWD, path, flags, mode);
}

long inq_close(int fd) { return call3(SYS_close, fd, 0, 0); }

long inq_read(int fd, void* bytes, size_t size) {
  long result;
  do {
    result = call3(SYS_read, fd, (long)bytes, (long)size);
  } while (result == -EINTR);
  return result;
}

long inq_write(int fd, const void* bytes, size_t size) {
  long result;
  do {
    result = call3(SYS_write, fd, (long)bytes, (long)size);
  } while (result == -EINTR);
  return result;
}

size_t inq_read_file(const char* path, void* to, size_t room) {
  size_t size = 0;
  long fd = inq_open(path, O_RDONLY | O_CLOEXEC, 0), got = 1;
  if (fd < 0) return 0;
  while (size < room && got > 0) {
    got = inq_read((int)fd, (char*)to + size, room - size);
    if (got > 0) size += (size_t)got;
  }
  inq_close((int)fd);
  return size;
}

long inq_poll(int fd, short events, int timeout_ms) {
  int64_t end = inq_milliseconds() + timeout_ms;
  struct pollfd one = {.fd = fd, .events = events};
  for (;;) {
    int64_t left = end - inq_milliseconds();
    if (left < 0) left = 0;
    struct timespec wait = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
    long result = inq_syscall(SYS_ppoll, (long)&one, 1, (long)&wait, 0, sizeof(uint64_t), 0);
    if (result > 0) return one.revents;
    if (result != -EINTR) return result;
  }
}

static struct timespec now(int clock) {
  struct timespec time = {0, 0};
  call3(SYS_clock_gettime, clock, (long)&time, 0);
  return time;
}

int64_t inq_milliseconds(void) {
  struct timespec time = now(CLOCK_MONOTONIC);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int64_t inq_wall_seconds(void) { return now(CLOCK_REALTIME).tv_sec; }

void inq_sleep_ms(int milliseconds) {
  struct timespec wait = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L};
  call3(SYS_nanosleep, (long)&wait, 0, 0);
}

enum { kNoSuchHow = 0x7fff };

int inq_readable(uintptr_t address) {
  /* 8 bytes are read: from where the 8 that hold this byte begin, they are on its page. Address 0
   * would mean that there is no set. */
  long set = (long)(address & ~(uintptr_t)7);
  return set != 0 && call4(SYS_rt_sigprocmask, kNoSuchHow, set, 0, sizeof(uint64_t)) != -EFAULT;
}

int inq_writable(uintptr_t address) {
  return call4(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)(address & ~(uintptr_t)7),
               sizeof(uint64_t)) == 0;
}

void inq_exit_group(int status) {
  for (;;) call3(SYS_exit_group, status, 0, 0);
}

void inq_copy(void* to, const void* from, size_t size) {
#if defined(__x86_64__)
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
#else
  unsigned char* out = to;
  const unsigned char* in = from;
  for (size_t i = 0; i < size; ++i) out[i] = in[i];
#endif
}

void inq_zero(void* to, size_t size) {
  unsigned char* out = to;
  for (size_t i = 0; i < size; ++i) out[i] = 0;
}

size_t inq_length(const char* text, size_t limit) {
  size_t length = 0;
  while (length < limit && text[length] != 0) ++length;
  return length;
}

int inq_equal(const void* a, const void* b, size_t size) {
  const unsigned char* left = a;
  const unsigned char* right = b;
  for (size_t i = 0; i < size; ++i) {
    if (left[i] != right[i]) return 0;
  }
  return 1;
}

uint64_t inq_bits(const sigset_t* set) {
  uint64_t bits;
  inq_copy(&bits, set, sizeof bits);
  return bits;
}

void inq_put_bits(sigset_t* set, uint64_t bits) { inq_copy(set, &bits, sizeof bits); }

int inq_is_on(const stack_t* stack, uintptr_t address) {
  return (stack->ss_flags & SS_DISABLE) == 0 && address - (uintptr_t)stack->ss_sp < stack->ss_size;
}

size_t inq_decimal(char* to, uint64_t value) {
  char reversed[20];
  size_t count = 0;
  do {
    reversed[count++] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  for (size_t i = 0; i < count; ++i) to[i] = reversed[count - 1 - i];
  return count;
}

int inq_hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}
