#include "capture/handler/install.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "capture/handler/altstack.h"
#include "capture/handler/entry.h"
#include "capture/handler/libc.h"
#include "capture/handler/process.h"
#include "capture/handler/public.h"
#include "capture/handler/raw.h"
#include "capture/handler/scratch.h"
#include "capture/handler/state.h"
#include "capture/wire/crash_request.h"

enum { kMostTimeoutMs = 60000, kHighDescriptor = 500 };

/* Where the program's own descriptors are not: it may count on getting low numbers. */
static int move_up(int fd) {
  long high = inq_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, kHighDescriptor, 0, 0, 0);
  if (high < 0) high = inq_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3, 0, 0, 0);
  return (int)high;
}

/* Notes which file it is. */
static int describe(int fd, struct inq_descriptor* out) {
  struct stat status;
  long result = inq_syscall(SYS_fstat, fd, (long)&status, 0, 0, 0, 0);
  if (result < 0) return (int)-result;
  *out = (struct inq_descriptor){.fd = fd, .device = status.st_dev, .inode = status.st_ino};
  return 0;
}

static int set_supervisor(struct inq_state* new, const char* address) {
  if (address == NULL) address = inq_environment(INQUEST_SUPERVISOR_ENV);
  if (address == NULL || *address == '\0') return 0;
  size_t length = inq_length(address, kInqAddressBytes);
  if (length >= kInqAddressBytes || length < 2 || (*address != '@' && *address != '/'))
    return EINVAL;
  inq_copy(new->supervisor, address, length);
  /* Abstract names count to the last byte; paths end with a zero. */
  new->supervisor_length = (uint32_t)(*address == '@' ? length : length + 1);
  if (*address == '@') new->supervisor[0] = '\0';
  return 0;
}

static int set_record_fd(struct inq_state* new, int fd) {
  if (fd < 0) return 0;
  long mode = inq_syscall(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);
  if (mode < 0 || (mode & O_ACCMODE) == O_RDONLY) return EBADF;
  int moved = move_up(fd);
  return moved < 0 ? -moved : describe(moved, &new->record_file);
}

/* The path is kept as well, for programs that close all descriptors; it must mean the same after a
 * chdir. */
static int set_record_directory(struct inq_state* new, const char* path) {
  if (path == NULL) path = inq_environment("INQUEST_RECORD_DIR");
  if (path == NULL || *path == '\0') return 0;
  size_t length = inq_length(path, kInqPathBytes);
  if (length >= kInqPathBytes) return EINVAL;
  long fd = inq_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return (int)-fd;
  int moved = move_up((int)fd);
  inq_close((int)fd);
  if (moved < 0) return -moved;
  if (*path == '/') inq_copy(new->record_path, path, length);
  return describe(moved, &new->record_directory);
}

static void close_records(const struct inq_descriptor* file,
                          const struct inq_descriptor* directory) {
  if (inq_is_still(file)) inq_close((int)file->fd);
  if (inq_is_still(directory)) inq_close((int)directory->fd);
}

static int read_options(const struct inquest_options* options, struct inq_state* new) {
  if (options->size < sizeof *options || options->reply_timeout_ms < 0 ||
      options->reply_timeout_ms > kMostTimeoutMs)
    return EINVAL;
  new->record_file.fd = new->record_directory.fd = -1;
  new->reply_timeout_ms =
      options->reply_timeout_ms != 0 ? options->reply_timeout_ms : INQUEST_REPLY_TIMEOUT_MS;
  int error = set_supervisor(new, options->supervisor);
  if (error == 0) error = set_record_fd(new, options->record_fd);
  if (error == 0) error = set_record_directory(new, options->record_directory);
  if (error != 0) close_records(&new->record_file, &new->record_directory);
  return error;
}

/* Options replace options. */
static void put_options(struct inq_state* state, const void* argument) {
  const struct inq_state* new = argument;
  for (int i = 0; i < kInqWatchedCount; ++i) {
    inq_set_disposition(state, i, new->wanted[i].handler, new->wanted[i].flags,
                        new->wanted[i].mask);
  }
  state->interposed |= new->interposed;
  inq_copy(state->supervisor, new->supervisor, sizeof state->supervisor);
  inq_copy(state->record_path, new->record_path, sizeof state->record_path);
  state->supervisor_length = new->supervisor_length;
  state->reply_timeout_ms = new->reply_timeout_ms;
  state->record_file = new->record_file;
  state->record_directory = new->record_directory;
  state->abort_begin = new->abort_begin;
  state->abort_end = new->abort_end;
}

/* What stands in the kernel before us is what the program wants. */
static void read_dispositions(struct inq_state* new) {
  for (int i = 0; i < kInqWatchedCount; ++i) {
    struct inq_kernel_action now = {.handler = (uintptr_t)SIG_DFL};
    inq_sigaction(inq_watched_signal(i), NULL, &now);
    if (inq_is_ours(&now)) {
      struct inq_disposition wanted = inq_wanted(i);
      inq_set_disposition(new, i, wanted.handler, wanted.flags, wanted.mask);
    } else {
      inq_set_disposition(new, i, now.handler, now.flags, now.mask);
    }
  }
}

int inq_install(const struct inquest_options* options, int interposed) {
  static const struct inquest_options kDefaults = INQUEST_OPTIONS_INIT;
  struct inq_state new;
  inq_zero(&new, sizeof new);
  int error = read_options(options != NULL ? options : &kDefaults, &new);
  if (error != 0) return error;
  int damaged;
  const struct inq_state* old = inq_whole_state(&damaged);
  struct inq_descriptor old_file = {.fd = -1}, old_directory = {.fd = -1};
  if (old != NULL) {
    old_file = old->record_file;
    old_directory = old->record_directory;
  }
  inq_process_begin();
  read_dispositions(&new);
  inq_find_abort(&new.abort_begin, &new.abort_end);
  new.interposed = interposed != 0;
  long changed = inq_state_change(put_options, &new);
  if (changed < 0) {
    close_records(&new.record_file, &new.record_directory);
    return (int)-changed;
  }
  close_records(&old_file, &old_directory);
  for (int i = 0; i < kInqWatchedCount; ++i) {
    struct inq_disposition wanted = inq_wanted(i);
    inq_watch(i, &wanted);
  }
  inq_scratch_keep_out_of_cores();
  /* The thread that installs is nearly always the main one, whose stack stays until the end. */
  struct inq_stack* stack = inq_stack_make();
  if (stack != NULL && !inq_stack_enter(stack)) inq_stack_free(stack);
  return 0;
}

int inquest_install(const struct inquest_options* options) { return inq_install(options, 0); }

static void put_reporter(struct inq_state* state, const void* argument) {
  const struct inquest_reporter* reporter = argument;
  state->judge = (uintptr_t)reporter->judge;
  state->report = (uintptr_t)reporter->report;
}

int inquest_set_reporter(const struct inquest_reporter* reporter) {
  static const struct inquest_reporter kNone = INQUEST_REPORTER_INIT;
  int damaged;
  if (reporter == NULL) reporter = &kNone;
  if (reporter->size < sizeof *reporter) return EINVAL;
  if (inq_whole_state(&damaged) == NULL) return ENOENT;
  return (int)-inq_state_change(put_reporter, reporter);
}

int inquest_thread_init(void) {
  stack_t now;
  if (inq_sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE) == 0) return 0;
  struct inq_stack* stack = inq_stack_make();
  if (stack == NULL) return ENOMEM;
  if (!inq_free_stack_at_exit(stack)) {
    inq_stack_free(stack);
    return ENOSYS;
  }
  inq_stack_enter(stack);
  return 0;
}
