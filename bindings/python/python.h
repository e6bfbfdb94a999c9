/* Python's stable ABI of 3.8: one object for every CPython from 3.8 on. Warnings in its headers are
 * not ours. */
#ifndef INQUEST_BINDINGS_PYTHON_H
#define INQUEST_BINDINGS_PYTHON_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03080000
#include <Python.h>

#endif
