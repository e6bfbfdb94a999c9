/* Values as text, without running a line of Python: the child has the GIL, but a program's __repr__
 * might wait for threads that are not there, or trip over what crashed. Bounded in depth, number
 * and length; what looks like a secret is left out.
 */
#ifndef INQUEST_BINDINGS_PYTHON_VALUE_H
#define INQUEST_BINDINGS_PYTHON_VALUE_H

#include "bindings/common/output.h"
#include "bindings/python/python.h"

/* Appends the value; `name` is what it is called (a variable, a key), or null. */
void inq_put_value(struct inq_text* text, PyObject* name, PyObject* value);

/* Appends a str, at most `most` characters; nothing for other types. */
void inq_put_str(struct inq_text* text, PyObject* value, Py_ssize_t most);

/* Appends "module.Class". */
void inq_put_type(struct inq_text* text, PyObject* value);

/* The attribute, or null; errors are dropped. A new reference. */
PyObject* inq_attribute(PyObject* object, const char* name);

#endif
