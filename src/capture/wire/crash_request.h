/* What a dying process says to its supervisor, and what it hears back. Shared by the handler (C,
 * async-signal-safe) and by the supervisor (C++): plain structs, no code.
 *
 * One connection a crash, over a SOCK_SEQPACKET Unix socket whose address stands in the environment
 * variable INQUEST_SUPERVISOR ("@name": the abstract namespace; "/path": the file system). The
 * handler connects, sends one inquest_crash_request, and waits for one inquest_crash_reply, at most
 * INQUEST_REPLY_TIMEOUT_MS. Who is speaking the supervisor learns from the kernel (SO_PEERCRED,
 * SO_PEERPIDFD), never from the message.
 *
 * The handler looks at its peer too (SO_PEERCRED): it speaks only to root or to its own effective
 * user, and allows exactly that process to trace it (PR_SET_PTRACER) until the reply. For the
 * connecting side the kernel names who called listen(), so the process that listens must be the one
 * that traces.
 *
 * Addresses in the request are of the sender's memory and are read while the sender waits. The
 * thread that waits is inside the signal handler: its registers at the fault are those of
 * `ucontext`, not those that ptrace shows. Other threads run on until the supervisor stops them.
 */
#ifndef INQUEST_CAPTURE_WIRE_CRASH_REQUEST_H
#define INQUEST_CAPTURE_WIRE_CRASH_REQUEST_H

#include <stdint.h>

#define INQUEST_SUPERVISOR_ENV "INQUEST_SUPERVISOR"
#define INQUEST_WIRE_MAGIC UINT32_C(0x51514e49) /* "INQQ" in memory */
#define INQUEST_WIRE_VERSION 1
#define INQUEST_REPLY_TIMEOUT_MS 3000

/* inquest_crash_request.flags */
#define INQUEST_REQUEST_ON_ALTERNATE_STACK UINT32_C(1)
/* A handler of the program saw this fault first and then chose to die of it; ucontext and siginfo
 * are those that it was given. */
#define INQUEST_REQUEST_PASSED_ON UINT32_C(2)
/* The thread faulted again while a handler of the program worked on the first fault; ucontext and
 * siginfo are of the second. */
#define INQUEST_REQUEST_IN_PROGRAM_HANDLER UINT32_C(4)
/* A handler of the program is about to end the process with _exit(): it will not die of the signal.
 */
#define INQUEST_REQUEST_ENDS_BY_EXIT UINT32_C(8)
/* One of the two copies of the handler's own state had been overwritten. */
#define INQUEST_REQUEST_STATE_DAMAGED UINT32_C(16)

/* Members are only ever added at the end, and `size` tells how far the sender's go: a reader takes
 * what both know, and ignores the rest of a longer one. `version` changes when the meaning of a
 * member does; a reader refuses those that it does not know. */
struct inquest_crash_request {
  uint32_t magic;            /* INQUEST_WIRE_MAGIC */
  uint16_t version;          /* INQUEST_WIRE_VERSION */
  uint16_t size;             /* of this struct, bytes; at least INQUEST_REQUEST_LEAST_BYTES */
  int32_t tid;               /* as the sender's pid namespace numbers it */
  int32_t signal_number;     /* that ends the process */
  uint64_t ucontext;         /* address of the ucontext_t that the kernel gave the handler */
  uint64_t siginfo;          /* address of the siginfo_t */
  uint64_t annotations;      /* address of "key=value\0key=value\0"; 0: none */
  uint32_t annotations_size; /* bytes */
  uint32_t flags;            /* INQUEST_REQUEST_* */
  /* Descriptors that the sender still needs, as it numbers them; -1: none. The supervisor may close
   * all its others while it waits. The two of its own record are needed only when the reply is not
   * INQUEST_REPLY_CAPTURED or _COUNTED, or does not come. */
  int32_t connection_fd;       /* its end of this connection */
  int32_t record_file_fd;      /* open for writing */
  int32_t record_directory_fd; /* open for reading */
  int32_t reserved;            /* 0 */
};
/* Up to `flags`: what the first senders of this version sent. */
#define INQUEST_REQUEST_LEAST_BYTES 48

/* inquest_crash_reply.outcome */
#define INQUEST_REPLY_CAPTURED UINT32_C(1) /* the supervisor has what it wants: die */
#define INQUEST_REPLY_WRITE_YOURSELF \
  UINT32_C(2)                             /* it may not read the sender: see handler's record */
#define INQUEST_REPLY_COUNTED UINT32_C(3) /* not wanted this time, only counted: die */

/* inquest_crash_reply.flags: what to do before dying */
#define INQUEST_REPLY_NO_KERNEL_CORE \
  UINT32_C(1) /* prctl(PR_SET_DUMPABLE, 0): one crash, one record */
#define INQUEST_REPLY_CLOSE_DESCRIPTORS \
  UINT32_C(2) /* close_range(3, ~0): frees the ports at once */

struct inquest_crash_reply {
  uint32_t magic;
  uint16_t version;
  uint16_t size;
  uint32_t outcome; /* INQUEST_REPLY_CAPTURED… */
  uint32_t flags;   /* INQUEST_REPLY_NO_KERNEL_CORE… */
};

/* After INQUEST_REPLY_WRITE_YOURSELF the handler sends packets of at most INQUEST_PACKET_BYTES,
 * each a struct inquest_memory_piece followed by `size` bytes that stood at `address`; the last has
 * size 0. */
#define INQUEST_PACKET_BYTES 32768
struct inquest_memory_piece {
  uint64_t address;
  uint32_t size; /* bytes that follow */
  uint32_t kind; /* INQUEST_PIECE_* */
};
#define INQUEST_PIECE_MEMORY UINT32_C(1)
#define INQUEST_PIECE_UCONTEXT UINT32_C(2) /* the same bytes, so that they need not be found */
#define INQUEST_PIECE_SIGINFO UINT32_C(3)
#define INQUEST_PIECE_MAPS                                              \
  UINT32_C(4) /* text of /proc/self/maps; `address` is the offset in it \
               */
#define INQUEST_PIECE_ANNOTATIONS UINT32_C(5)
#define INQUEST_PIECE_AUXV UINT32_C(6) /* bytes of /proc/self/auxv */

#endif
