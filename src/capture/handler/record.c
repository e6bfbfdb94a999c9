#include "capture/handler/record.h"

void inq_record_send(const struct inq_crash* crash, int fd) {
  (void)crash;
  (void)fd;
}

void inq_record_write(const struct inq_crash* crash, const struct inq_state* state) {
  (void)crash;
  (void)state;
}
