#include "bindings/common/report.h"

#include <signal.h>

#include "bindings/common/child.h"
#include "bindings/common/mappings.h"
#include "bindings/common/output.h"
#include "bindings/common/settings.h"
#include "bindings/common/signals.h"
#include "bindings/common/threads.h"
#include "capture/handler/raw.h"
#include "capture/handler/registers.h"

enum {
  kNativeMs = 1000,
  kHeadlineMs = 100,
  kDefaultMs = 2000,
  kMostMs = 2500,      /* with the margins, all is over within the time that handler.h gives */
  kSupervisedMs = 800, /* somebody waits for the next instance */
  kRedZone = 1024,     /* below the stack pointer: the ABI's 128 bytes, and some */
  kNearStack = 65536,
};

static const struct inq_language* language;
static const struct inq_settings* settings;

/* --- the text ----------------------------------------------------------------------------------
 */

static void open_output(void) {
  struct inq_text path, problem;
  path.size = problem.size = 0;
  inq_put(&path, settings->path);
  if (settings->path_with_time) {
    inq_put_decimal(&path, inq_wall_seconds());
    inq_put(&path, "-");
    inq_put_decimal(&path, inq_getpid());
    inq_put(&path, ".log");
  }
  inq_put_bytes(&path, "", 1);
  path.bytes[sizeof path.bytes - 1] = '\0';
  const char* name = settings->path_with_time ? path.bytes : settings->path;
  int error = inq_output_open(name, settings->with_stderr);
  if (error == 0) return;
  inq_put(&problem, "inquest: ");
  inq_put(&problem, name);
  inq_put(&problem, " cannot be written: errno ");
  inq_put_decimal(&problem, error);
  inq_put(&problem, "\n");
  inq_output_text(&problem);
}

static int was_sent(const siginfo_t* info) { return info->si_code <= 0; }

static void put_first_line(const struct inquest_fault* fault) {
  const siginfo_t* info = fault->siginfo;
  struct inq_text line;
  line.size = 0;
  inq_put(&line, "PID ");
  inq_put_decimal(&line, inq_getpid());
  inq_put(&line, " received ");
  inq_put(&line, inq_signal_name(fault->signal_number));
  if (was_sent(info)) {
    inq_put(&line, " from PID ");
    inq_put_decimal(&line, info->si_pid);
  } else {
    inq_put(&line, " for address: ");
    inq_put_hex(&line, (uintptr_t)info->si_addr);
  }
  inq_put(&line, "\n");
  inq_output_text(&line);
}

/* Near its stack pointer, and below what of the stack is mapped. */
static int is_overflow(const struct inquest_fault* fault, const struct inq_thread* thread) {
  const siginfo_t* info = fault->siginfo;
  uintptr_t sp = inq_sp_of(fault->ucontext), address = (uintptr_t)info->si_addr;
  struct inq_mapping mapping;
  if (fault->signal_number != SIGSEGV || was_sent(info) || address >= sp + kNearStack ||
      address + kNearStack <= sp)
    return 0;
  if (thread != NULL && thread->stack_begin != 0)
    return sp < thread->stack_begin + kNearStack && sp + kNearStack > thread->stack_begin;
  return inq_mapping_of(sp + kNearStack, &mapping) && address < mapping.begin;
}

static void put_details(const struct inquest_fault* fault, const struct inq_thread* thread) {
  const siginfo_t* info = fault->siginfo;
  struct inq_text line;
  line.size = 0;
  const char* words = inq_code_words(fault->signal_number, info->si_code);
  if (is_overflow(fault, thread)) words = "stack overflow: the thread has used up its stack";
  if (words != NULL) {
    inq_put(&line, words);
    inq_put(&line, "\n");
  }
  inq_put(&line, "thread ");
  inq_put_decimal(&line, inq_gettid());
  inq_put(&line, inq_gettid() == inq_getpid() ? " (main), pc " : ", pc ");
  inq_put_hex(&line, inq_pc_of(fault->ucontext));
  inq_put(&line, ", ");
  inq_put_time(&line, inq_wall_seconds());
  inq_put(&line, "\n");
  inq_put(&line, settings->about);
  inq_put(&line, "\n");
  inq_output_text(&line);
}

/* --- the stacks --------------------------------------------------------------------------------
 */

/* What the child's steps are about. Not on the stack of the handler: see child.h. */
static struct part {
  void* context;
  struct inquest_fault fault;
} part;

static int is_printed;

/* Apart: what follows it may be repeated. */
static void print_headline(void* unused) {
  struct inq_text line;
  line.size = 0;
  (void)unused;
  inq_put(&line, "\n");
  inq_put(&line, language->name);
  inq_put(&line, " stack:\n");
  inq_output_text(&line);
}

static void print_language(void* unused) {
  (void)unused;
  language->print(part.context, &part.fault, 0);
  is_printed = 1;
}

static void print_language_again(void* unused) {
  (void)unused;
  if (!is_printed) language->print(part.context, &part.fault, 1);
}

static void finish_language(void* unused) {
  (void)unused;
  language->finish(part.context, &part.fault);
}

/* Threads that nobody noted: from where their stack is mapped. That of the main thread grows, so
 * that its mapping says nothing. */
static uintptr_t floor_by_mapping(uintptr_t sp) {
  enum { kSpared = 256 << 10, kLeast = 512 << 10 };
  struct inq_mapping mapping;
  if (inq_gettid() == inq_getpid() || !inq_mapping_of(sp + kNearStack, &mapping)) return 0;
  return mapping.end - mapping.begin >= kLeast ? mapping.begin + kSpared : 0;
}

/* Where the language can go on: below what was interrupted, but not where it thinks that its stack
 * is used up. */
static uintptr_t stack_for(const struct inquest_fault* fault, const struct inq_thread* thread) {
  uintptr_t sp = inq_sp_of(fault->ucontext) - kRedZone;
  int is_noted = thread != NULL && thread->floor != 0;
  uintptr_t lowest = is_noted ? thread->floor : floor_by_mapping(sp);
  uintptr_t begin = is_noted ? thread->stack_begin : 0;
  return sp < lowest && sp + kNearStack > begin ? lowest : sp;
}

static int bounded(int wanted, int has_supervisor) {
  int most = has_supervisor ? kSupervisedMs : kMostMs;
  if (wanted <= 0) wanted = kDefaultMs;
  return wanted < most ? wanted : most;
}

static void print_stacks(const struct inquest_fault* fault, const struct inq_thread* thread) {
  struct inq_step steps[kInqMostSteps] = {{inq_fixed()->print_native, fault->ucontext, 0,
                                           bounded(kNativeMs, fault->has_supervisor), 0}};
  size_t count = 1;
  if (thread != NULL || language->is_on_every_thread) {
    part = (struct part){thread != NULL ? thread->context : NULL, *fault};
    uintptr_t stack = stack_for(fault, thread);
    int most_ms = bounded(settings->language_ms, fault->has_supervisor);
    steps[count++] = (struct inq_step){print_headline, NULL, 0, kHeadlineMs, 0};
    steps[count++] = (struct inq_step){print_language, NULL, stack, most_ms * 2 / 3, 1};
    steps[count++] = (struct inq_step){print_language_again, NULL, stack, most_ms / 3, 0};
    most_ms = bounded(settings->finish_ms, fault->has_supervisor);
    if (language->finish != NULL)
      steps[count++] = (struct inq_step){finish_language, NULL, stack, most_ms, 0};
  }
  long error = inq_child_run(steps, count);
  struct inq_text line;
  line.size = 0;
  if (error != 0) {
    inq_put(&line, "(no stacks: no child process could be made, errno ");
    inq_put_decimal(&line, -error);
    inq_put(&line, ")\n");
  } else if (count == 1) {
    inq_put(&line, "\n(no ");
    inq_put(&line, language->name);
    inq_put(&line, " stack: no language is known to run on this thread)\n");
  }
  inq_output_text(&line);
}

void inq_report(const struct inquest_fault* fault) {
  language = &inq_fixed()->language;
  settings = &inq_fixed()->settings;
  const struct inq_thread* thread = inq_thread_find(inq_gettid());
  open_output();
  put_first_line(fault);
  put_details(fault, thread);
  print_stacks(fault, thread);
  inq_output_words("\n");
}
