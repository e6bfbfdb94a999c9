/* LD_PRELOAD: installs the handler before main() when the environment says where to report. */
#include <stddef.h>

#include "capture/handler/install.h"
#include "capture/handler/interpose.h"
#include "capture/handler/libc.h"
#include "capture/handler/process.h"
#include "capture/handler/raw.h"
#include "capture/handler/state.h"
#include "capture/wire/crash_request.h"

static int is_set(const char* name) {
  const char* value = inq_environment(name);
  return value != NULL && *value != '\0';
}

/* A variable that makes no sense must not keep the program from running: without the handler it
 * runs as it would have. */
__attribute__((constructor)) static void begin(int count, char** arguments, char** environment) {
  inq_offer_environment(count, arguments, environment);
  inq_interpose_begin();
  if (!is_set(INQUEST_SUPERVISOR_ENV) && !is_set("INQUEST_RECORD_DIR")) return;
  if (inq_install(NULL, 1) != 0) return;
  inq_at_fork(inq_process_forked);
  /* What a parent left blocked over exec kills without a handler. */
  uint64_t faults = inq_fault_signals();
  inq_sigprocmask(1 /* SIG_UNBLOCK */, &faults, NULL);
}
