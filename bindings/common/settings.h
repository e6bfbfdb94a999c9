/* What a language and its program want of the report: set from outside, read in the signal handler.
 * On pages that are read-only but while they are changed, for a stray write must not send the text
 * elsewhere, or call something else. */
#ifndef INQUEST_BINDINGS_SETTINGS_H
#define INQUEST_BINDINGS_SETTINGS_H

#include <inquest/handler.h>
#include <stddef.h>

enum { kInqLogPathBytes = 4096, kInqAboutBytes = 256 };

struct inq_language {
  const char* name;       /* "JavaScript" */
  int is_on_every_thread; /* 1: also on threads that nobody noted; `context` is null there */
  /* See struct inquest_reporter; may be null. */
  int (*judge)(const struct inquest_fault* fault);
  /* In the child: writes the stack of the thread, whose `context` is that of threads.h, with
   * inq_output(). On the thread's own stack, below what was interrupted. When it does not come back
   * it is called again, in the same child, to do less (`again`). */
  void (*print)(void* context, const struct inquest_fault* fault, int again);
  /* In the child, after that; null: none. */
  void (*finish)(void* context, const struct inquest_fault* fault);
};

struct inq_settings {
  char path[kInqLogPathBytes]; /* of the file; empty: none */
  int keep_path;               /* 1: that of the call before, if there was one */
  int path_with_time;          /* 1: `path` ends in "-", and is completed with time and pid */
  int with_stderr;
  int language_ms,
      finish_ms; /* time for each of the two; 0: 2000. A third of the first is for `again` */
  char about[kInqAboutBytes]; /* versions, for the text */
};

struct inq_fixed {
  struct inq_language language;
  struct inq_settings settings;
  void (*print_native)(void* ucontext); /* a step of inq_child_run */
  int is_guest, is_installed;           /* see agent.h */
};

const struct inq_fixed* inq_fixed(void);
/* The same, to be changed; inq_fix() makes it read-only again. */
struct inq_fixed* inq_unfix(void);
void inq_fix(void);

#endif
