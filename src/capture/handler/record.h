/* The handler's own record: what it can read of a dying process without help. */
#ifndef INQUEST_CAPTURE_HANDLER_RECORD_H
#define INQUEST_CAPTURE_HANDLER_RECORD_H

#include "capture/handler/crash.h"
#include "capture/handler/state.h"

/* As pieces over the connection to the supervisor (INQUEST_REPLY_WRITE_YOURSELF). */
void inq_record_send(const struct inq_crash* crash, int fd);

/* As a small ELF core to where the options say (docs/formats/handler-record.md). */
void inq_record_write(const struct inq_crash* crash, const struct inq_state* state);

#endif
