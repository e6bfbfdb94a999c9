#include "bindings/common/agent.h"

#include <dlfcn.h>

#include "bindings/common/native_stack.h"
#include "bindings/common/report.h"
#include "capture/handler/raw.h"

#pragma weak dlsym

typedef int (*set_reporter_function)(const struct inquest_reporter*);

/* The handler of `inquest run`, when it was preloaded and works. */
static int join(const struct inquest_reporter* reporter) {
  set_reporter_function theirs = NULL;
  void* found = dlsym != NULL ? dlsym(RTLD_DEFAULT, "inquest_set_reporter") : NULL;
  inq_copy((void*)&theirs, (const void*)&found, sizeof theirs);
  return theirs != NULL && theirs != inquest_set_reporter && theirs(reporter) == 0;
}

static int install_own(const struct inquest_reporter* reporter) {
  int error = inquest_install(NULL);
  return error != 0 ? error : inquest_set_reporter(reporter);
}

/* The path stays where it is when the new settings have none of their own. */
static void put_settings(struct inq_fixed* fixed, const struct inq_settings* new) {
  size_t path_bytes = offsetof(struct inq_settings, keep_path);
  int keep = new->keep_path && fixed->is_installed;
  size_t from = keep ? path_bytes : 0;
  int with_time = keep ? fixed->settings.path_with_time : new->path_with_time;
  inq_copy((char*)&fixed->settings + from, (const char*)new + from, sizeof *new - from);
  fixed->settings.path_with_time = with_time;
}

int inq_agent_install(const struct inq_language* language, const struct inq_settings* settings) {
  struct inquest_reporter reporter = INQUEST_REPORTER_INIT;
  reporter.judge = language->judge;
  reporter.report = inq_report;
  inq_native_stack_prepare();
  struct inq_fixed* fixed = inq_unfix();
  fixed->language = *language;
  fixed->print_native = inq_native_stack_print;
  put_settings(fixed, settings);
  fixed->is_guest = join(&reporter);
  int error = fixed->is_guest ? 0 : install_own(&reporter);
  if (error == 0) fixed->is_installed = 1;
  inq_fix();
  inquest_thread_init();
  return error;
}

int inq_agent_is_installed(void) { return inq_fixed()->is_installed; }

int inq_agent_is_guest(void) { return inq_fixed()->is_guest; }
