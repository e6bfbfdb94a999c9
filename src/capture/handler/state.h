/* What the handler must know when everything else may be broken: two checksummed copies, each on
 * pages of its own that are read-only except while they are changed.
 *
 * Where the copies are follows from the address of the code alone: there is no pointer to corrupt.
 */
#ifndef INQUEST_CAPTURE_HANDLER_STATE_H
#define INQUEST_CAPTURE_HANDLER_STATE_H

#include "capture/handler/raw.h"

enum {
  kInqWatchedCount = 9,
  kInqAddressBytes = 108, /* of sockaddr_un.sun_path */
  kInqPathBytes = 512,
};

/* What the program wants done with one watched signal, as it told sigaction(). */
struct inq_disposition {
  uintptr_t handler; /* SIG_DFL, SIG_IGN or a function */
  uint64_t flags;    /* SA_* */
  uint64_t mask;
  uint64_t check; /* a checksum of the above */
};

/* A descriptor that was opened in advance. A program may close all its descriptors and open others
 * under the same numbers, so that it is used only when it is still the same file. */
struct inq_descriptor {
  int64_t fd; /* -1: none */
  uint64_t device;
  uint64_t inode;
};

/* Whether it is; never for "none". */
int inq_is_still(const struct inq_descriptor* descriptor);

struct inq_state {
  uint64_t magic;
  uint64_t checksum; /* of all that follows */
  struct inq_disposition wanted[kInqWatchedCount];
  uint32_t interposed;               /* 1: sigaction() and its like are ours */
  uint32_t supervisor_length;        /* of the bytes in `supervisor`; 0: no supervisor */
  char supervisor[kInqAddressBytes]; /* sun_path as connect() takes it */
  int32_t reply_timeout_ms;
  int32_t unused;
  struct inq_descriptor record_file;
  struct inq_descriptor record_directory;
  char record_path[kInqPathBytes];  /* of the directory, absolute; empty: none */
  uintptr_t abort_begin, abort_end; /* the code of abort(); 0: unknown */
  uintptr_t judge, report;          /* of struct inquest_reporter; 0: none */
};

/* The signals that we watch, in the order of the tables; -1 when it is none of them. */
int inq_watched_index(int signal_number);
int inq_watched_signal(int index);
/* Those of them that the processor raises: blocking or ignoring them does not stop them. */
uint64_t inq_fault_signals(void);

/* The state: a copy that is whole. `*damaged` tells whether one of the two is not; null when
 * neither is, or when the handler was never installed. Costs about a microsecond. */
const struct inq_state* inq_whole_state(int* damaged);

/* What the program wants for one signal; without walking over the whole state. Not watched,
 * unknown or damaged: the default action. */
struct inq_disposition inq_wanted(int index);
/* Whether the calls of the program that change dispositions come to us; false when unknown. */
int inq_is_interposed(void);
/* Whether a run time judges faults; false when unknown. */
int inq_has_judge(void);

/* Changes both copies. `edit` gets one copy and what the caller handed over, and runs with all
 * signals blocked. 0 or -errno (of mprotect). */
typedef void (*inq_state_edit)(struct inq_state* state, const void* argument);
long inq_state_change(inq_state_edit edit, const void* argument);

void inq_set_disposition(struct inq_state* state, int index, uintptr_t handler, uint64_t flags,
                         uint64_t mask);

#endif
