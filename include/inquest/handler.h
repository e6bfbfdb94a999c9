/* The in-process crash handler of Inquest (libinquest): what a program written in C or C++ calls.
 *
 * When the program dies of a signal, the handler tells the supervisor (`inquest run`) and waits
 * until that has read what it needs; without one it writes a small ELF core of its own, where it
 * was told to. Then the program dies of the same signal as it would have without the handler.
 *
 * Linked, nothing happens before inquest_install() is called. Preloaded
 * (LD_PRELOAD=libinquest-preload.so), it installs itself, and every call below works as well and
 * acts on the same handler.
 *
 * Watched: SIGSEGV SIGBUS SIGILL SIGFPE SIGTRAP SIGSYS SIGABRT SIGXCPU SIGXFSZ.
 *
 * All functions may be called from any thread. None allocates with malloc, except as told at
 * inquest_thread_init(). Errors are errno values, returned; errno is left alone.
 */
#ifndef INQUEST_HANDLER_H
#define INQUEST_HANDLER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct inquest_options {
  /* sizeof(struct inquest_options), so that later versions can add members. */
  size_t size;

  /* Address of the supervisor's socket: "@name" in the abstract namespace, or "/path". NULL: the
   * environment variable INQUEST_SUPERVISOR, unless the program is setuid or the like. */
  const char* supervisor;

  /* Directory for the handler's own record when there is no supervisor, opened at once and kept
   * open. NULL: the environment variable INQUEST_RECORD_DIR, under the same condition; neither: no
   * record. */
  const char* record_directory;

  /* Descriptor that is open for writing, for the same record: an empty regular file without
   * O_APPEND, a pipe or a stream socket. It is duplicated, so the caller may close it. It is tried
   * before record_directory, which is used when the record could not be written to its end. A
   * reader that does not read holds up the death of the process: for ever when the descriptor
   * blocks, else for a second. Children made by fork() have it too, at the same position.
   * -1: none. Mind that 0 is a descriptor: initialise with INQUEST_OPTIONS_INIT. */
  int record_fd;

  /* How long to wait for the supervisor, in milliseconds. 0: 3000. At most 60000. */
  int reply_timeout_ms;
};

#define INQUEST_OPTIONS_INIT {sizeof(struct inquest_options), NULL, NULL, -1, 0}

/* Installs the handler for the whole process and gives the calling thread an alternate signal
 * stack if it has none. NULL: all options from the environment. Calling it again replaces the
 * options.
 *
 * Handlers that the program had installed before stay in charge: they run first, and the crash is
 * reported when they let the program die. A signal that the program ignores stays ignored.
 *
 * 0, or: EINVAL (size, a timeout out of range, an address that is too long or begins with neither
 * '@' nor '/'), EBADF (record_fd), ENOENT, ENOTDIR, EACCES (record_directory), ENOMEM. After an
 * error nothing has changed. */
int inquest_install(const struct inquest_options* options);

/* Gives the calling thread an alternate signal stack with a guard page, so that an overflow of its
 * own stack can be reported; it is freed when the thread ends. A stack that the thread already has
 * is left alone. The preloaded handler does this for every thread made with pthread_create().
 *
 * Remembers it with pthread_setspecific(), for which glibc allocates with malloc when the program
 * has made 32 or more keys before.
 *
 * 0, or: ENOMEM; ENOSYS when the C library offers no thread-specific keys. */
int inquest_thread_init(void);

/* Sets, replaces, or (value NULL) removes one annotation: facts that are not in memory by
 * themselves, such as the program's version, the request it works on, or its feature flags. They
 * are kept in fixed memory and go into the crash report. Not to be called from signal handlers.
 *
 * key: 1 to 63 bytes, without '=' and control characters. value: at most 511 bytes.
 *
 * 0, or: EINVAL (key), E2BIG (value), ENOSPC (64 keys are in use), EAGAIN (another thread is in the
 * middle of changing the same key). */
int inquest_annotate(const char* key, const char* value);

/* A fatal signal, as the kernel delivered it. */
struct inquest_fault {
  size_t size; /* of this struct, so that later versions can add members */
  int signal_number;
  int has_supervisor;  /* 1: `inquest run` waits for the report, and for the next instance */
  void* siginfo;       /* siginfo_t* */
  void* ucontext;      /* ucontext_t* */
  const void* handler; /* that the program has for it; NULL: none, or not known (in report) */
};

/* What judge() answers. */
#define INQUEST_FAULT_UNKNOWN 0   /* ask the program's handler, as without a reporter */
#define INQUEST_FAULT_MENDED 1    /* no crash: execution goes on at `ucontext` */
#define INQUEST_FAULT_FATAL 2     /* a crash, whatever handler the program has */
#define INQUEST_FAULT_HANDED_ON 3 /* a crash; the program's handler gets it after the report */

/* What the run time of a language adds; both functions are called in the signal handler, and may do
 * there only what a signal handler may. Either may be NULL. */
struct inquest_reporter {
  size_t size; /* sizeof(struct inquest_reporter) */
  /* For each watched signal that the program wants handled or that is fatal. */
  int (*judge)(const struct inquest_fault* fault);
  /* Once, before the supervisor is told or a record written. Must return, within 8 s; where it
   * faults itself, the rest goes on without it. */
  void (*report)(const struct inquest_fault* fault);
};

#define INQUEST_REPORTER_INIT {sizeof(struct inquest_reporter), NULL, NULL}

/* Sets the reporter of this process, or takes it away (NULL). There is one, the last.
 *
 * 0, or: EINVAL (size), ENOENT (the handler is not installed), ENOMEM. */
int inquest_set_reporter(const struct inquest_reporter* reporter);

#ifdef __cplusplus
}
#endif

#endif
