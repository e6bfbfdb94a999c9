#include "router.h"

int send_to(Backend* backend, long bytes) {
  long sent = backend->sent;  // CRASH
  backend->sent = sent + bytes;  // CRASH-ALSO
  return backend->port;
}
