/* inquest._inquest: the native half of the Python package. inquest/__init__.py has the contract. */
#include <errno.h>
#include <stdint.h>
#include <sys/auxv.h>

#include "bindings/common/agent.h"
#include "bindings/common/cause.h"
#include "bindings/common/output.h"
#include "bindings/common/stack_bounds.h"
#include "bindings/common/threads.h"
#include "bindings/common/traps.h"
#include "bindings/python/python.h"
#include "bindings/python/stacks.h"
#include "capture/handler/libc.h"
#include "capture/handler/raw.h"

enum { kSparedStack = 320 << 10 };

static void copy_text(char* to, size_t room, const char* from) {
  size_t length = inq_length(from, room - 1);
  inq_copy(to, from, length);
  to[length] = '\0';
}

/* Which thread this is, for its stack: the main one's cannot be told from its mapping. */
static void note_thread(void) {
  static int context;
  uintptr_t begin, end;
  inq_thread_remove(&context); /* of the process that forked */
  inq_stack_bounds(&begin, &end);
  if (begin != 0 && inq_thread_add(&context, begin, end))
    inq_thread_limit(UINTPTR_MAX, kSparedStack);
}

/* enable(path: bytes, about: bytes, stderr: int, locals: int, stacks_ms: int, details_ms: int,
 * dump_fd: int, dump_signal: int) -> int: 0 or an errno. */
static PyObject* enable(PyObject* self, PyObject* arguments) {
  static struct inq_settings settings; /* the GIL guards it */
  const char *path, *about;
  int with_stderr, with_locals, stacks_ms, details_ms, dump_fd, dump_signal;
  (void)self;
  if (!PyArg_ParseTuple(arguments, "yyiiiiii", &path, &about, &with_stderr, &with_locals,
                        &stacks_ms, &details_ms, &dump_fd, &dump_signal))
    return NULL;
  inq_zero(&settings, sizeof settings);
  if (inq_length(path, sizeof settings.path) == sizeof settings.path)
    return PyLong_FromLong(ENAMETOOLONG);
  copy_text(settings.path, sizeof settings.path, path);
  copy_text(settings.about, sizeof settings.about, about);
  settings.with_stderr = with_stderr;
  settings.language_ms = stacks_ms;
  settings.finish_ms = details_ms;
  inq_python_begin(with_locals, dump_fd, dump_signal);
  inq_note_runtime((const void*)(uintptr_t)PyObject_CallObject);
  inq_note_runtime((const void*)inq_auxiliary(AT_ENTRY));
  if (inq_getpid() == inq_gettid()) note_thread();
  return PyLong_FromLong(inq_agent_install(&inq_python, &settings));
}

static PyObject* thread_init(PyObject* self, PyObject* unused) {
  (void)self;
  (void)unused;
  return PyLong_FromLong(inquest_thread_init());
}

/* In a child made by os.fork(): the thread that forked has another number now. */
static PyObject* after_fork(PyObject* self, PyObject* unused) {
  (void)self;
  (void)unused;
  note_thread();
  Py_RETURN_NONE;
}

static PyObject* is_supervised(PyObject* self, PyObject* unused) {
  (void)self;
  (void)unused;
  return PyBool_FromLong(inq_agent_is_guest());
}

#define CAUSE(name, how)                                    \
  static PyObject* name(PyObject* self, PyObject* unused) { \
    (void)self;                                             \
    (void)unused;                                           \
    how();                                                  \
    Py_RETURN_NONE;                                         \
  }
CAUSE(cause_segfault, inq_cause_segfault)
CAUSE(cause_bus_error, inq_cause_bus_error)
CAUSE(cause_illegal_instruction, inq_cause_illegal_instruction)
CAUSE(cause_division_by_zero, inq_cause_division_by_zero)
CAUSE(cause_stack_overflow, inq_cause_stack_overflow)
CAUSE(cause_abort, inq_cause_abort)

static PyObject* cause_segfault_without_gil(PyObject* self, PyObject* unused) {
  (void)self;
  (void)unused;
  Py_BEGIN_ALLOW_THREADS inq_cause_segfault();
  Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

static PyMethodDef kMethods[] = {
    {"enable", enable, METH_VARARGS, NULL},
    {"thread_init", thread_init, METH_NOARGS, NULL},
    {"after_fork", after_fork, METH_NOARGS, NULL},
    {"is_supervised", is_supervised, METH_NOARGS, NULL},
    {"cause_segfault", cause_segfault, METH_NOARGS, NULL},
    {"cause_segfault_without_gil", cause_segfault_without_gil, METH_NOARGS, NULL},
    {"cause_bus_error", cause_bus_error, METH_NOARGS, NULL},
    {"cause_illegal_instruction", cause_illegal_instruction, METH_NOARGS, NULL},
    {"cause_division_by_zero", cause_division_by_zero, METH_NOARGS, NULL},
    {"cause_stack_overflow", cause_stack_overflow, METH_NOARGS, NULL},
    {"cause_abort", cause_abort, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_inquest", .m_size = -1, .m_methods = kMethods};

__attribute__((visibility("default"))) PyObject* PyInit__inquest(void) {
  return PyModule_Create(&definition);
}
