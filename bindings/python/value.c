#include "bindings/python/value.h"

#include "bindings/python/secret.h"
#include "capture/handler/raw.h"

enum {
  kMostDepth = 3,
  kMostItems = 6,
  kMostCharacters = 100,
  kMostBytes = 40,
  kMostBits = 4096,
  kRoom = 300, /* of one value, bytes */
};

static void put_at(struct inq_text* text, PyObject* value, int depth);

PyObject* inq_attribute(PyObject* object, const char* name) {
  PyObject* found = object != NULL ? PyObject_GetAttrString(object, name) : NULL;
  if (found == NULL) PyErr_Clear();
  return found;
}

static void put_object_str(struct inq_text* text, PyObject* owned) {
  Py_ssize_t size = 0;
  const char* bytes = NULL;
  PyObject* encoded =
      owned != NULL ? PyUnicode_AsEncodedString(owned, "utf-8", "backslashreplace") : NULL;
  if (encoded != NULL && PyBytes_AsStringAndSize(encoded, (char**)&bytes, &size) == 0)
    inq_put_bytes(text, bytes, (size_t)size);
  PyErr_Clear();
  Py_XDECREF(encoded);
  Py_XDECREF(owned);
}

void inq_put_str(struct inq_text* text, PyObject* value, Py_ssize_t most) {
  if (value == NULL || !PyUnicode_CheckExact(value)) return;
  put_object_str(text, PyUnicode_Substring(value, 0, most));
}

void inq_put_type(struct inq_text* text, PyObject* value) {
  PyObject* type = (PyObject*)Py_TYPE(value);
  PyObject* module = inq_attribute(type, "__module__");
  PyObject* name = inq_attribute(type, "__qualname__");
  if (module != NULL && PyUnicode_CheckExact(module) &&
      PyUnicode_CompareWithASCIIString(module, "builtins") != 0) {
    inq_put_str(text, module, kMostCharacters);
    inq_put(text, ".");
  }
  inq_put_str(text, name, kMostCharacters);
  Py_XDECREF(module);
  Py_XDECREF(name);
}

static void put_string(struct inq_text* text, PyObject* value) {
  Py_ssize_t length = PyUnicode_GetLength(value);
  if (inq_is_secret_value(value)) {
    inq_put(text, "<redacted>");
    return;
  }
  PyObject* begin = PyUnicode_Substring(value, 0, kMostCharacters);
  put_object_str(text, begin != NULL ? PyObject_Repr(begin) : NULL);
  Py_XDECREF(begin);
  if (length > kMostCharacters) inq_put(text, "...");
}

static void put_bytes(struct inq_text* text, PyObject* value) {
  Py_ssize_t size = PyBytes_Size(value);
  PyObject* begin = PySequence_GetSlice(value, 0, kMostBytes);
  put_object_str(text, begin != NULL ? PyObject_Repr(begin) : NULL);
  Py_XDECREF(begin);
  if (size > kMostBytes) inq_put(text, "...");
}

/* The digits of a large one take quadratic time. */
static void put_integer(struct inq_text* text, PyObject* value) {
  PyObject* bits = PyObject_CallMethod(value, "bit_length", NULL);
  long count = bits != NULL ? PyLong_AsLong(bits) : -1;
  Py_XDECREF(bits);
  PyErr_Clear();
  if (count >= 0 && count <= kMostBits) {
    put_object_str(text, PyObject_Repr(value));
  } else {
    inq_put(text, "<int of ");
    inq_put_decimal(text, count);
    inq_put(text, " bits>");
  }
}

static void put_more(struct inq_text* text, Py_ssize_t size) {
  if (size <= kMostItems) return;
  inq_put(text, ", ... ");
  inq_put_decimal(text, size - kMostItems);
  inq_put(text, " more");
}

static void put_items(struct inq_text* text, PyObject* value, const char* begin, const char* end,
                      int depth) {
  Py_ssize_t size = PyObject_Size(value), count = 0;
  PyObject* iterator = PyObject_GetIter(value);
  PyObject* item;
  inq_put(text, begin);
  while (iterator != NULL && count < kMostItems && (item = PyIter_Next(iterator)) != NULL) {
    if (count++ != 0) inq_put(text, ", ");
    put_at(text, item, depth + 1);
    Py_DECREF(item);
  }
  PyErr_Clear();
  Py_XDECREF(iterator);
  put_more(text, size);
  if (size == 1 && PyTuple_CheckExact(value)) inq_put(text, ",");
  inq_put(text, end);
}

static void put_named(struct inq_text* text, PyObject* name, PyObject* value, int depth) {
  if (inq_is_secret_name(name)) {
    inq_put(text, "<redacted>");
  } else {
    put_at(text, value, depth);
  }
}

/* `is_attributes`: a=1, instead of 'a': 1. */
static void put_pairs(struct inq_text* text, PyObject* dict, int is_attributes, int depth) {
  Py_ssize_t at = 0, count = 0;
  PyObject *key, *value;
  while (count < kMostItems && PyDict_Next(dict, &at, &key, &value)) {
    if (count++ != 0) inq_put(text, ", ");
    if (is_attributes) {
      inq_put_str(text, key, kMostCharacters);
      inq_put(text, "=");
    } else {
      put_at(text, key, depth + 1);
      inq_put(text, ": ");
    }
    put_named(text, key, value, depth + 1);
  }
  put_more(text, PyDict_Size(dict));
}

static void put_exception(struct inq_text* text, PyObject* value, int depth) {
  PyObject* name = PyUnicode_InternFromString("args");
  PyObject* arguments = name != NULL ? PyObject_GenericGetAttr(value, name) : NULL;
  inq_put_type(text, value);
  if (arguments != NULL && PyTuple_CheckExact(arguments))
    put_items(text, arguments, "(", ")", depth);
  PyErr_Clear();
  Py_XDECREF(arguments);
  Py_XDECREF(name);
}

/* <shop.Order at 0x7f: id=7, paid=False> */
static void put_object(struct inq_text* text, PyObject* value, int depth) {
  PyObject* name = PyUnicode_InternFromString("__dict__");
  PyObject* attributes = name != NULL ? PyObject_GenericGetAttr(value, name) : NULL;
  PyErr_Clear();
  inq_put(text, "<");
  inq_put_type(text, value);
  inq_put(text, " at ");
  inq_put_hex(text, (uintptr_t)value);
  if (attributes != NULL && PyDict_CheckExact(attributes) && PyDict_Size(attributes) > 0) {
    inq_put(text, ": ");
    put_pairs(text, attributes, 1, depth);
  }
  inq_put(text, ">");
  Py_XDECREF(attributes);
  Py_XDECREF(name);
}

/* <function shop.pay>: what has a name of its own. */
static int put_named_object(struct inq_text* text, PyObject* value) {
  PyObject* name = NULL;
  if (PyType_Check(value)) {
    inq_put(text, "<class ");
    name = inq_attribute(value, "__qualname__");
  } else if (PyModule_CheckExact(value) || PyCFunction_Check(value) ||
             inq_equal_type(value, "function") || inq_equal_type(value, "method")) {
    inq_put(text, "<");
    inq_put_type(text, value);
    inq_put(text, " ");
    name = inq_attribute(value, PyModule_CheckExact(value) ? "__name__" : "__qualname__");
  } else {
    return 0;
  }
  inq_put_str(text, name, kMostCharacters);
  inq_put(text, ">");
  Py_XDECREF(name);
  return 1;
}

static void put_at(struct inq_text* text, PyObject* value, int depth) {
  if (depth > kMostDepth || text->size > kRoom) {
    inq_put(text, "...");
  } else if (value == Py_None || PyBool_Check(value) || PyFloat_CheckExact(value) ||
             PyComplex_CheckExact(value)) {
    put_object_str(text, PyObject_Repr(value));
  } else if (PyLong_CheckExact(value)) {
    put_integer(text, value);
  } else if (PyUnicode_CheckExact(value)) {
    put_string(text, value);
  } else if (PyBytes_CheckExact(value)) {
    put_bytes(text, value);
  } else if (PyList_CheckExact(value)) {
    put_items(text, value, "[", "]", depth);
  } else if (PyTuple_CheckExact(value)) {
    put_items(text, value, "(", ")", depth);
  } else if (inq_equal_type(value, "set") || inq_equal_type(value, "frozenset")) {
    put_items(text, value, "{", "}", depth);
  } else if (PyDict_CheckExact(value)) {
    inq_put(text, "{");
    put_pairs(text, value, 0, depth);
    inq_put(text, "}");
  } else if (PyExceptionInstance_Check(value)) {
    put_exception(text, value, depth);
  } else if (!put_named_object(text, value)) {
    put_object(text, value, depth);
  }
}

void inq_put_value(struct inq_text* text, PyObject* name, PyObject* value) {
  put_named(text, name, value, 0);
}
