/* System calls without libc: nothing here touches errno, takes a lock, or can be interposed.
 *
 * Every function answers what the kernel answers: 0 or a positive value, or -errno. Sources: the
 * kernel's system call ABI (x86-64: Documentation/arch/x86/entry_64.rst; AArch64: svc #0, number in
 * x8). See man 2 of each call for its meaning.
 */
#ifndef INQUEST_CAPTURE_HANDLER_RAW_H
#define INQUEST_CAPTURE_HANDLER_RAW_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) && !defined(__clang__)
/* Loops that copy stay loops: no call of memcpy in their place. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

#if defined(__x86_64__)
#define INQ_PAGE_BYTES ((size_t)4096)
#elif defined(__aarch64__)
#define INQ_PAGE_BYTES ((size_t)65536) /* the largest that a kernel may have been built with */
#else
#error "the handler is for x86-64 and AArch64"
#endif

/* The smallest page a kernel may have: what is looked at and copied in one piece. */
#define INQ_SMALL_PAGE ((uintptr_t)4096)

/* struct sigaction as rt_sigaction takes it (both architectures use the asm-generic order here:
 * the field sa_restorer is there on AArch64 too and stays unused). */
struct inq_kernel_action {
  uintptr_t handler;
  uint64_t flags;
  uintptr_t restorer;
  uint64_t mask;
};
#define INQ_SA_RESTORER UINT64_C(0x04000000)

/* The bit of a signal in a kernel signal set. */
#define INQ_BIT(signal_number) (UINT64_C(1) << ((signal_number) - 1))

long inq_syscall(long number, long a, long b, long c, long d, long e, long f);

/* Signals. `action` needs no restorer: it is filled in. Either pointer may be null. */
long inq_sigaction(int signal_number, const struct inq_kernel_action* action,
                   struct inq_kernel_action* old);
/* Whether this is what the kernel returns to from our handlers. */
int inq_is_own_restorer(uintptr_t restorer);
long inq_sigprocmask(int how, const uint64_t* set, uint64_t* old);
long inq_sigaltstack(const stack_t* stack, stack_t* old);
long inq_queue_signal(int pid, int tid, int signal_number, const siginfo_t* info);
long inq_tgkill(int pid, int tid, int signal_number);

/* Who we are. */
int inq_getpid(void);
int inq_gettid(void);
uint64_t inq_me(void); /* pid << 32 | tid: a thread, told from those of forked copies */
uint32_t inq_geteuid(void);

/* Memory. `inq_map` answers an address, or -errno. */
long inq_map(size_t bytes, int protection);
long inq_unmap(void* address, size_t bytes);
long inq_protect(void* address, size_t bytes, int protection);
long inq_advise(void* address, size_t bytes, int advice);

/* Files. Calls that a signal interrupts are made again. */
long inq_open(const char* path, int flags, int mode);
long inq_open_at(int directory, const char* path, int flags, int mode);
long inq_close(int fd);
long inq_read(int fd, void* bytes, size_t size);
long inq_write(int fd, const void* bytes, size_t size);
size_t inq_read_file(const char* path, void* to,
                     size_t room);                   /* what fits; 0: nothing to be read */
long inq_poll(int fd, short events, int timeout_ms); /* > 0: what poll put into revents */

/* Milliseconds of the monotonic clock; seconds of the wall clock. */
int64_t inq_milliseconds(void);
int64_t inq_wall_seconds(void);
void inq_sleep_ms(int milliseconds);

/* True when the byte at `address` can be read. Asks the kernel, so nothing faults: rt_sigprocmask
 * reads the set before it looks at `how`, and with an invalid `how` changes nothing. */
int inq_readable(uintptr_t address);

/* True when 8 bytes at `address` can be written; they are overwritten. A stack grows by it. */
int inq_writable(uintptr_t address);

void inq_exit_group(int status) __attribute__((noreturn));

/* memcpy, memset, strlen and comparison, ours so that nothing of libc is called. */
void inq_copy(void* to, const void* from, size_t size);
void inq_zero(void* to, size_t size);
size_t inq_length(const char* text, size_t limit); /* at most `limit` */
int inq_equal(const void* a, const void* b, size_t size);
/* The kernel's 64 bits of a signal set, which stand at its beginning in every C library. */
uint64_t inq_bits(const sigset_t* set);
void inq_put_bits(sigset_t* set, uint64_t bits);
/* Whether the address lies on an alternate stack that is in use at all. */
int inq_is_on(const stack_t* stack, uintptr_t address);
/* Decimal digits of `value` to `to` (room for 20); the number of them. No terminating zero. */
size_t inq_decimal(char* to, uint64_t value);
/* The value of a small hexadecimal digit; -1 when it is none. */
int inq_hex_digit(char c);

#endif
