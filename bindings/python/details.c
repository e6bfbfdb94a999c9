#include "bindings/python/details.h"

#include "bindings/common/output.h"
#include "bindings/python/frames.h"
#include "bindings/python/tasks.h"
#include "bindings/python/value.h"

enum { kMostFrames = 8, kMostVariables = 24, kNameCharacters = 60 };

static PyObject *raised_type, *raised_value, *raised_traceback;

void inq_details_take_exception(void) {
  PyErr_Fetch(&raised_type, &raised_value, &raised_traceback);
}

static void print_exception(const char* words, PyObject* value) {
  struct inq_text text;
  text.size = 0;
  if (value == NULL || value == Py_None) return;
  inq_put(&text, words);
  inq_put_value(&text, NULL, value);
  inq_put(&text, "\n");
  inq_output_text(&text);
}

/* What C code has raised may not be an instance yet; making one of it would run its class's code.
 */
static void print_raised(void) {
  struct inq_text text;
  text.size = 0;
  if (raised_type == NULL) return;
  if (raised_value != NULL && PyExceptionInstance_Check(raised_value)) {
    print_exception("\nException being raised: ", raised_value);
    return;
  }
  inq_put(&text, "\nException being raised: ");
  inq_put_value(&text, NULL, raised_type);
  if (raised_value != NULL) {
    inq_put(&text, ", ");
    inq_put_value(&text, NULL, raised_value);
  }
  inq_put(&text, "\n");
  inq_output_text(&text);
}

static void print_exceptions(void) {
  PyObject *type, *value, *traceback;
  print_raised();
  PyErr_GetExcInfo(&type, &value, &traceback);
  print_exception("\nException being handled: ", value);
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(traceback);
}

/* A module's own names, and what it defines or imports, are not what one looks for. */
static int is_dull(PyObject* name, PyObject* value, int is_module) {
  if (!is_module) return 0;
  PyObject* begin = PyUnicode_Substring(name, 0, 2);
  int is_own = begin != NULL && PyUnicode_CompareWithASCIIString(begin, "__") == 0;
  PyErr_Clear();
  Py_XDECREF(begin);
  return is_own || PyModule_Check(value) || PyType_Check(value) || PyCallable_Check(value);
}

static void print_variable(PyObject* name, PyObject* value) {
  struct inq_text text;
  text.size = 0;
  inq_put(&text, "    ");
  inq_put_str(&text, name, kNameCharacters);
  inq_put(&text, " = ");
  inq_put_value(&text, name, value);
  inq_put(&text, "\n");
  inq_output_text(&text);
}

static int is_module_level(PyObject* frame) {
  PyObject* code = inq_attribute(frame, "f_code");
  PyObject* name = inq_attribute(code, "co_name");
  int is = name != NULL && PyUnicode_CheckExact(name) &&
           PyUnicode_CompareWithASCIIString(name, "<module>") == 0;
  Py_XDECREF(name);
  Py_XDECREF(code);
  return is;
}

/* From 3.13 on f_locals is a view of the frame, not a dict. */
static void print_locals(PyObject* frame) {
  struct inq_text text;
  text.size = 0;
  PyObject* locals = inq_attribute(frame, "f_locals");
  PyObject* items = locals != NULL ? PyMapping_Items(locals) : NULL;
  Py_ssize_t count = items != NULL ? PyList_Size(items) : 0;
  int is_module = is_module_level(frame), printed = 0;
  inq_put(&text, "  ");
  inq_put_place(&text, frame);
  inq_put(&text, "\n");
  inq_output_text(&text);
  for (Py_ssize_t i = 0; i < count && printed < kMostVariables; ++i) {
    PyObject* pair = PyList_GetItem(items, i);
    PyObject* name = PyTuple_GetItem(pair, 0);
    PyObject* value = PyTuple_GetItem(pair, 1);
    if (name == NULL || value == NULL || !PyUnicode_CheckExact(name) ||
        is_dull(name, value, is_module))
      continue;
    print_variable(name, value);
    ++printed;
  }
  PyErr_Clear();
  Py_XDECREF(items);
  Py_XDECREF(locals);
}

void inq_details_print(int with_locals) {
  PyObject* frames[kMostFrames];
  size_t left_out;
  size_t count = inq_frames_of((PyObject*)PyEval_GetFrame(), frames, kMostFrames, &left_out);
  print_exceptions();
  if (with_locals && count != 0) inq_output_words("\nLocals (innermost call first):\n");
  for (size_t i = 0; i < count; ++i) {
    if (with_locals) print_locals(frames[i]);
    Py_DECREF(frames[i]);
  }
  inq_print_tasks();
}
