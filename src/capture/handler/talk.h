/* The handler's side of capture/wire: one connection, one request, one reply. */
#ifndef INQUEST_CAPTURE_HANDLER_TALK_H
#define INQUEST_CAPTURE_HANDLER_TALK_H

#include "capture/handler/crash.h"
#include "capture/handler/state.h"
#include "capture/wire/crash_request.h"

/* What became of the talk. `fd` stays open (-1: none) so that pieces can follow. */
struct inq_talk {
  int fd;
  uint32_t outcome; /* INQUEST_REPLY_*; 0: no supervisor, or it did not answer in time */
  uint32_t flags;   /* INQUEST_REPLY_* */
};

struct inq_talk inq_talk(const struct inq_state* state, const struct inq_crash* crash);

#endif
