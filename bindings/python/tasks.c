#include "bindings/python/tasks.h"

#include "bindings/common/output.h"
#include "bindings/python/frames.h"
#include "bindings/python/secret.h"
#include "bindings/python/value.h"

enum { kMostTasks = 50, kMostAwaits = 16, kNameCharacters = 80 };

static int printed;

/* Of the type that C has (_asyncio.Task): its methods run no Python. */
static int is_own_task(PyObject* task) {
  PyObject* module = inq_attribute((PyObject*)Py_TYPE(task), "__module__");
  int is = module != NULL && PyUnicode_CheckExact(module) &&
           PyUnicode_CompareWithASCIIString(module, "_asyncio") == 0;
  Py_XDECREF(module);
  return is;
}

static PyObject* ask(PyObject* object, const char* method) {
  PyObject* answer = PyObject_CallMethod(object, method, NULL);
  if (answer == NULL) PyErr_Clear();
  return answer;
}

static PyObject* either(PyObject* object, const char* first, const char* second) {
  PyObject* found = inq_attribute(object, first);
  return found != NULL ? found : inq_attribute(object, second);
}

/* The coroutine, and what it awaits. */
static void print_awaits(PyObject* coroutine) {
  for (int i = 0; coroutine != NULL && coroutine != Py_None && i < kMostAwaits; ++i) {
    PyObject* frame = either(coroutine, "cr_frame", "gi_frame");
    PyObject* next = either(coroutine, "cr_await", "gi_yieldfrom");
    if (frame != NULL && frame != Py_None) inq_print_frame(frame, "  ");
    Py_XDECREF(frame);
    Py_DECREF(coroutine);
    coroutine = next;
  }
  Py_XDECREF(coroutine);
}

static void print_task(PyObject* task) {
  struct inq_text text;
  text.size = 0;
  if (printed == kMostTasks) inq_output_words("  (and more)\n");
  if (printed++ >= kMostTasks) return;
  if (printed == 1) inq_output_words("\nasyncio tasks:\n");
  inq_put(&text, "  ");
  if (!is_own_task(task)) {
    inq_put_type(&text, task);
    inq_put(&text, "\n");
    inq_output_text(&text);
    return;
  }
  PyObject* name = ask(task, "get_name");
  inq_put_str(&text, name, kNameCharacters);
  inq_put(&text, "\n");
  inq_output_text(&text);
  Py_XDECREF(name);
  print_awaits(ask(task, "get_coro"));
}

static void print_unfinished(PyObject* task) {
  PyObject* done = is_own_task(task) ? ask(task, "done") : NULL;
  if (done != Py_True) print_task(task);
  Py_XDECREF(done);
}

/* A set of tasks, or of weak references to them. */
static void print_members(PyObject* set) {
  PyObject* iterator = set != NULL ? PyObject_GetIter(set) : NULL;
  PyObject* member;
  while (iterator != NULL && printed <= kMostTasks && (member = PyIter_Next(iterator)) != NULL) {
    PyObject* task = PyWeakref_CheckRef(member) ? PyObject_CallObject(member, NULL) : member;
    if (task == member) Py_INCREF(task);
    if (task != NULL && task != Py_None) print_unfinished(task);
    Py_XDECREF(task);
    Py_DECREF(member);
  }
  PyErr_Clear();
  Py_XDECREF(iterator);
}

/* From the module's dict: where an attribute is missing, Python code may be asked why. */
static PyObject* member_of(PyObject* modules, const char* module, const char* name) {
  PyObject* found = modules != NULL ? PyDict_GetItemString(modules, module) : NULL;
  if (found == NULL || !PyModule_CheckExact(found)) return NULL;
  return PyDict_GetItemString(PyModule_GetDict(found), name);
}

/* 3.8 to 3.11: a WeakSet of all; 3.12: one of the scheduled, a set of the eager; 3.14: asked of C,
 * for the running loop. All borrowed. */
void inq_print_tasks(void) {
  static const char* const kSets[] = {"_all_tasks", "_scheduled_tasks", "_eager_tasks"};
  PyObject* modules = PySys_GetObject("modules");
  PyObject* ask_all = member_of(modules, "_asyncio", "all_tasks");
  printed = 0;
  if (ask_all != NULL) {
    PyObject* all = PyObject_CallObject(ask_all, NULL);
    PyErr_Clear();
    print_members(all);
    Py_XDECREF(all);
    return;
  }
  for (size_t i = 0; i < sizeof kSets / sizeof *kSets; ++i) {
    PyObject* set = member_of(modules, "asyncio.tasks", kSets[i]);
    PyObject* data = set != NULL && !inq_equal_type(set, "set") ? inq_attribute(set, "data") : NULL;
    print_members(data != NULL ? data : set);
    Py_XDECREF(data);
  }
}
