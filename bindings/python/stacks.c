#include "bindings/python/stacks.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bindings/common/output.h"
#include "bindings/common/traps.h"
#include "bindings/python/details.h"
#include "bindings/python/frames.h"
#include "bindings/python/value.h"
#include "capture/handler/raw.h"

enum { kMostFrames = 100, kMostOfOthers = 20, kMostThreads = 100 };

/* Not in the stable ABI, but in every CPython: the second took the place of the first in 3.13. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier): Python's name */
extern PyThreadState* _PyThreadState_UncheckedGet(void) __attribute__((weak));
extern PyThreadState* PyThreadState_GetUnchecked(void) __attribute__((weak));

static int with_locals, dump_fd = -1, dump_signal;

void inq_python_begin(int locals, int fd, int signal_number) {
  with_locals = locals;
  dump_fd = fd;
  dump_signal = signal_number;
}

/* --- in the signal handler ---------------------------------------------------------------------
 */

/* What signal.signal() installs, whatever the function in Python: it only notes the signal. */
static uintptr_t noting_handler(void) {
  struct inq_kernel_action action = {.handler = 0};
  /* Python has it on SIGINT from its start, and what a program installs there is the same. */
  return inq_sigaction(SIGINT, NULL, &action) == 0 ? action.handler : 0;
}

/* faulthandler, and the handler of a program that Python is embedded in (uWSGI), end the process:
 * they get it after us. Those of other libraries may mend the fault (a JVM's null checks), and go
 * first. So does one in Python for what was sent, as gunicorn's workers have for SIGABRT: it is no
 * crash, unless abort() sent it and goes on to die. */
static int judge(const struct inquest_fault* fault) {
  if (((const siginfo_t*)fault->siginfo)->si_code <= 0 && fault->handler != NULL &&
      (uintptr_t)fault->handler == noting_handler())
    return INQUEST_FAULT_UNKNOWN;
  return fault->handler != NULL && inq_is_runtime(fault->handler) ? INQUEST_FAULT_HANDED_ON
                                                                  : INQUEST_FAULT_UNKNOWN;
}

/* --- in the child ------------------------------------------------------------------------------
 */

/* Before 3.12 the current state is the process's: of whichever thread has the GIL. */
static int holds_gil(void) {
  if (!Py_IsInitialized()) return 0;
  PyThreadState* mine = PyGILState_GetThisThreadState();
  PyThreadState* current = PyThreadState_GetUnchecked != NULL    ? PyThreadState_GetUnchecked()
                           : _PyThreadState_UncheckedGet != NULL ? _PyThreadState_UncheckedGet()
                                                                 : NULL;
  return mine != NULL && mine == current;
}

/* Python's own walk that needs no GIL, of all threads. It writes to a file only: to one of ours,
 * read back. */
static void dump_without_gil(void) {
  static char block[4096];
  long got, memory = inq_syscall(SYS_memfd_create, (long)"inquest", 0, 0, 0, 0, 0);
  if (dump_fd < 0 || memory < 0) {
    inq_output_words("(not available)\n");
    return;
  }
  uint64_t set = INQ_BIT(dump_signal);
  inq_sigprocmask(SIG_UNBLOCK, &set, NULL);
  inq_syscall(SYS_dup3, memory, dump_fd, 0, 0, 0, 0);
  inq_tgkill(inq_getpid(), inq_gettid(), dump_signal);
  inq_syscall(SYS_lseek, memory, 0, SEEK_SET, 0, 0, 0);
  while ((got = inq_read((int)memory, block, sizeof block)) > 0) inq_output(block, (size_t)got);
}

static void put_thread_name(struct inq_text* text, PyObject* ident) {
  PyObject* modules = PySys_GetObject("modules");
  PyObject* threading = modules != NULL ? PyDict_GetItemString(modules, "threading") : NULL;
  PyObject* active = threading != NULL && PyModule_CheckExact(threading)
                         ? PyDict_GetItemString(PyModule_GetDict(threading), "_active")
                         : NULL;
  PyObject* thread =
      active != NULL && PyDict_CheckExact(active) ? PyDict_GetItem(active, ident) : NULL;
  PyObject* name = inq_attribute(thread, "_name");
  if (name != NULL) {
    inq_put(text, " ");
    inq_put_str(text, name, 60);
  }
  Py_XDECREF(name);
}

static void print_other(PyObject* ident, PyObject* frame) {
  struct inq_text text;
  text.size = 0;
  inq_put(&text, "\nThread ");
  inq_put_hex(&text, PyLong_AsUnsignedLong(ident));
  put_thread_name(&text, ident);
  inq_put(&text, " (most recent call last):\n");
  inq_output_text(&text);
  inq_print_frames(frame, kMostOfOthers, "");
}

static void print_others(void) {
  PyObject* function = PySys_GetObject("_current_frames");
  PyObject* frames = function != NULL ? PyObject_CallObject(function, NULL) : NULL;
  PyObject *ident, *frame;
  Py_ssize_t at = 0;
  for (int i = 0; frames != NULL && i < kMostThreads && PyDict_Next(frames, &at, &ident, &frame);
       ++i) {
    if (PyLong_AsUnsignedLong(ident) != PyThread_get_thread_ident()) print_other(ident, frame);
  }
  PyErr_Clear();
  Py_XDECREF(frames);
}

static void print(void* context, const struct inquest_fault* fault, int again) {
  (void)context;
  (void)fault;
  if (again || !holds_gil()) {
    if (!again)
      inq_output_words(
          "(the thread that crashed does not hold the GIL: no locals; what faulthandler reads)\n");
    dump_without_gil();
    return;
  }
  inq_details_take_exception();
  PyObject* frame = (PyObject*)PyEval_GetFrame();
  if (frame == NULL) inq_output_words("(no frames: no Python is under way on this thread)\n");
  inq_print_frames(frame, kMostFrames, "");
  print_others();
}

static void finish(void* context, const struct inquest_fault* fault) {
  (void)context;
  (void)fault;
  if (holds_gil()) inq_details_print(with_locals);
}

const struct inq_language inq_python = {
    .name = "Python", .is_on_every_thread = 1, .judge = judge, .print = print, .finish = finish};
