/* What must not be shown, told by its name or by how it looks. Misses secrets that look like
 * nothing. */
#ifndef INQUEST_BINDINGS_PYTHON_SECRET_H
#define INQUEST_BINDINGS_PYTHON_SECRET_H

#include "bindings/python/python.h"

/* A variable, attribute or key that is called something like a password; null: no. */
int inq_is_secret_name(PyObject* name);

/* A str that carries credentials: a URL with a password, a bearer token, a JWT, a private key. */
int inq_is_secret_value(PyObject* value);

/* Whether the value's type is exactly the built-in one of that name. */
int inq_equal_type(PyObject* value, const char* name);

#endif
