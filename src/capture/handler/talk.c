#include "capture/handler/talk.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "capture/handler/annotations.h"

static long set_ptracer(int pid) { return inq_syscall(SYS_prctl, PR_SET_PTRACER, pid, 0, 0, 0, 0); }

/* The pid of the process at the other end, as our pid namespace numbers it (0: it is in none that
 * we see); -EPERM when it belongs to somebody we do not report to. */
static long trusted_peer(int fd) {
  struct ucred peer;
  uint32_t size = sizeof peer;
  long result =
      inq_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, (long)&peer, (long)&size, 0);
  if (result < 0) return result;
  if (peer.uid != 0 && peer.uid != inq_geteuid()) return -EPERM;
  return peer.pid;
}

/* A supervisor in a storm may have its queue of connections full (EAGAIN): wait for a place. */
static long connect_until(int fd, const struct sockaddr_un* address, uint32_t size, int64_t end) {
  for (;;) {
    long result = inq_syscall(SYS_connect, fd, (long)address, size, 0, 0, 0);
    if (result != -EAGAIN && result != -EINTR) return result;
    if (inq_milliseconds() >= end) return -EAGAIN;
    inq_sleep_ms(1);
  }
}

static long connect_to(const struct inq_state* state, int64_t end) {
  struct sockaddr_un address;
  if (state->supervisor_length == 0 || state->supervisor_length > sizeof address.sun_path)
    return -ENOENT;
  long fd =
      inq_syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0, 0, 0);
  if (fd < 0) return fd;
  address.sun_family = AF_UNIX;
  inq_copy(address.sun_path, state->supervisor, state->supervisor_length);
  uint32_t size = (uint32_t)offsetof(struct sockaddr_un, sun_path) + state->supervisor_length;
  long result = connect_until((int)fd, &address, size, end);
  if (result == 0) return fd;
  inq_close((int)fd);
  return result;
}

/* One that the program has put to another use by now is not ours to keep. */
static int needed(const struct inq_descriptor* descriptor) {
  return inq_is_still(descriptor) ? (int)descriptor->fd : -1;
}

static long send_request(int fd, const struct inq_state* state, const struct inq_crash* crash) {
  size_t annotations_size = 0;
  const char* annotations = inq_annotations_gather(&annotations_size);
  struct inquest_crash_request request = {
      .magic = INQUEST_WIRE_MAGIC,
      .version = INQUEST_WIRE_VERSION,
      .size = sizeof request,
      .tid = inq_gettid(),
      .signal_number = crash->signal_number,
      .ucontext = (uintptr_t)crash->ucontext,
      .siginfo = (uintptr_t)crash->info,
      .annotations = annotations_size != 0 ? (uintptr_t)annotations : 0,
      .annotations_size = (uint32_t)annotations_size,
      .flags = crash->flags,
      .connection_fd = fd,
      .record_file_fd = needed(&state->record_file),
      .record_directory_fd = needed(&state->record_directory),
  };
  return inq_syscall(SYS_sendto, fd, (long)&request, sizeof request, MSG_NOSIGNAL, 0, 0);
}

/* A reply of a later version may be longer; what we know of stands at its beginning. */
static int receive_reply(int fd, int64_t end, struct inquest_crash_reply* reply) {
  for (;;) {
    int64_t left = end - inq_milliseconds();
    if (left <= 0 || inq_poll(fd, POLLIN, (int)left) <= 0) return 0;
    long got = inq_syscall(SYS_recvfrom, fd, (long)reply, sizeof *reply, MSG_DONTWAIT, 0, 0);
    if (got == -EAGAIN || got == -EINTR) continue;
    return got == (long)sizeof *reply && reply->magic == INQUEST_WIRE_MAGIC;
  }
}

struct inq_talk inq_talk(const struct inq_state* state, const struct inq_crash* crash) {
  struct inq_talk talk = {.fd = -1};
  struct inquest_crash_reply reply;
  int64_t end = inq_milliseconds() + state->reply_timeout_ms;
  long fd = connect_to(state, end);
  if (fd < 0) return talk;
  long peer = trusted_peer((int)fd);
  if (peer < 0) {
    inq_close((int)fd);
    return talk;
  }
  /* Without Yama this fails, and is not needed. */
  if (peer > 0) set_ptracer((int)peer);
  if (send_request((int)fd, state, crash) == (long)sizeof(struct inquest_crash_request) &&
      receive_reply((int)fd, end, &reply)) {
    talk.outcome = reply.outcome;
    talk.flags = reply.flags;
  }
  if (peer > 0) set_ptracer(0);
  talk.fd = (int)fd;
  return talk;
}
