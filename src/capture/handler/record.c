#include "capture/handler/record.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>

#include "capture/handler/annotations.h"
#include "capture/handler/choose.h"
#include "capture/handler/core_file.h"
#include "capture/handler/maps.h"
#include "capture/handler/notes.h"
#include "capture/handler/raw.h"
#include "capture/handler/scratch.h"
#include "capture/wire/crash_request.h"

enum {
  kAuxvWords = 128,
  kSendTimeoutMs = 1000, /* for one packet */
};

static char* const maps = inq_scratch.maps;
static uint64_t auxv[kAuxvWords];
static struct inq_ranges ranges;
static struct inq_hidden hidden;

/* Whole lines. When there are more than there is room for (`*cut`), mappings without a name go
 * first: modules and the main stack stand at the end of the list. */
static size_t read_maps(char* to, size_t room, int* cut) {
  size_t size = 0;
  *cut = 0;
  long fd = inq_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return 0;
  for (;;) {
    if (size == room) {
      *cut = 1;
      size = inq_keep_named(to, size);
      if (size > room / 4 * 3) break;
    }
    long got = inq_read((int)fd, to + size, room - size);
    if (got <= 0) break;
    size += (size_t)got;
  }
  inq_close((int)fd);
  while (size > 0 && to[size - 1] != '\n') --size;
  return size;
}

static struct inq_sources look(const struct inq_crash* crash) {
  struct inq_sources sources = {
      .maps = maps, .auxv = (const unsigned char*)auxv, .hidden = &hidden};
  sources.maps_size = read_maps(maps, sizeof inq_scratch.maps, &sources.maps_cut);
  sources.auxv_size = inq_read_file("/proc/self/auxv", auxv, sizeof auxv);
  sources.annotations = inq_annotations_gather(&sources.annotations_size);
  inq_find_hidden(&hidden);
  inq_choose(crash, maps, sources.maps_size, auxv, sources.auxv_size / sizeof *auxv, &hidden,
             &ranges);
  return sources;
}

/* --- over the connection -----------------------------------------------------------------------
 */

static int send_piece(int fd, uint32_t kind, uint64_t address, const void* bytes, size_t size) {
  struct inquest_memory_piece head = {.address = address, .size = (uint32_t)size, .kind = kind};
  struct iovec parts[2] = {{&head, sizeof head}, {(void*)(uintptr_t)bytes, size}};
  struct msghdr message;
  inq_zero(&message, sizeof message);
  message.msg_iov = parts;
  message.msg_iovlen = size != 0 ? 2 : 1;
  for (;;) {
    long sent = inq_syscall(SYS_sendmsg, fd, (long)&message, MSG_NOSIGNAL, 0, 0, 0);
    if (sent >= 0 || sent == -EFAULT) return 1; /* gone meanwhile: not there */
    if (sent != -EAGAIN && sent != -EINTR) return 0;
    if (sent == -EAGAIN && inq_poll(fd, POLLOUT, kSendTimeoutMs) <= 0) return 0;
  }
}

/* In packets; `address` counts on from packet to packet. */
static int send_all(int fd, uint32_t kind, uint64_t address, const void* bytes, size_t size) {
  enum { kMost = INQUEST_PACKET_BYTES - (int)sizeof(struct inquest_memory_piece) };
  for (size_t done = 0; done < size; done += kMost) {
    size_t part = size - done < (size_t)kMost ? size - done : (size_t)kMost;
    if (!send_piece(fd, kind, address + done, (const char*)bytes + done, part)) return 0;
  }
  return 1;
}

void inq_record_send(const struct inq_crash* crash, int fd) {
  struct inq_sources sources = look(crash);
  int alive =
      send_all(fd, INQUEST_PIECE_UCONTEXT, (uintptr_t)crash->ucontext, crash->ucontext,
               sizeof(ucontext_t)) &&
      send_all(fd, INQUEST_PIECE_SIGINFO, (uintptr_t)crash->info, crash->info,
               sizeof *crash->info) &&
      send_all(fd, INQUEST_PIECE_AUXV, 0, sources.auxv, sources.auxv_size) &&
      send_all(fd, INQUEST_PIECE_MAPS, 0, maps, sources.maps_size) &&
      send_all(fd, INQUEST_PIECE_ANNOTATIONS, 0, sources.annotations, sources.annotations_size);
  for (size_t i = 0; alive && i < ranges.count; ++i)
    alive = send_all(fd, INQUEST_PIECE_MEMORY, ranges.at[i].begin, (const void*)ranges.at[i].begin,
                     ranges.at[i].end - ranges.at[i].begin);
  if (alive) send_piece(fd, INQUEST_PIECE_MEMORY, 0, NULL, 0);
}

/* --- into a file -------------------------------------------------------------------------------
 */

struct name {
  char part[96];  /* while it is being written */
  char whole[96]; /* inquest-PID-TID-SECONDS.core */
};

static void make_name(struct name* name) {
  size_t at = 8;
  uint64_t numbers[3] = {(uint64_t)inq_getpid(), (uint64_t)inq_gettid(),
                         (uint64_t)inq_wall_seconds()};
  inq_copy(name->whole, "inquest-", 8);
  for (int i = 0; i < 3; ++i) {
    at += inq_decimal(name->whole + at, numbers[i]);
    name->whole[at++] = '-';
  }
  inq_copy(name->whole + at - 1, ".core", 6);
  inq_copy(name->part, name->whole, at + 4);
  inq_copy(name->part + at + 4, ".part", 6);
}

static long open_directory(const struct inq_state* state) {
  if (inq_is_still(&state->record_directory)) return state->record_directory.fd;
  if (state->record_path[0] != '/') return -ENOENT;
  return inq_open(state->record_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

/* Whether all of it was written. */
static int write_core(int fd, const struct inq_crash* crash) {
  struct inq_sources sources = look(crash);
  size_t size = inq_notes(crash, &sources, &ranges, inq_scratch.notes, sizeof inq_scratch.notes);
  return inq_core_write(fd, &ranges, maps, sources.maps_size, inq_scratch.notes, size);
}

/* Under a name of its own until it is complete: what is cut off must not look like a record. */
static void write_into_directory(const struct inq_crash* crash, const struct inq_state* state) {
  struct name name;
  long directory = open_directory(state);
  if (directory < 0) return;
  make_name(&name);
  long fd = inq_open_at((int)directory, name.part,
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return;
  int complete = write_core((int)fd, crash);
  inq_close((int)fd);
  if (complete) {
    inq_syscall(SYS_renameat2, directory, (long)name.part, directory, (long)name.whole, 0, 0);
  } else {
    inq_syscall(SYS_unlinkat, directory, (long)name.part, 0, 0, 0, 0);
  }
}

void inq_record_write(const struct inq_crash* crash, const struct inq_state* state) {
  if (inq_is_still(&state->record_file) && write_core((int)state->record_file.fd, crash)) return;
  write_into_directory(crash, state);
}
