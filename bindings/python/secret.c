#include "bindings/python/secret.h"

#include "capture/handler/raw.h"

enum { kNameBytes = 128, kLookedAt = 4096 };

static const char* const kNames[] = {
    "passw",       "passphrase",  "pwd",           "secret",      "token",       "apikey",
    "api_key",     "access_key",  "credential",    "private_key", "privatekey",  "authorization",
    "auth_header", "cookie",      "sessionid",     "session_id",  "session_key", "bearer",
    "dsn",         "signing_key", "encryption_key"};

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

/* The first characters as lower-case ASCII; others become '?'. The number of them. */
static size_t begin_of(PyObject* value, char* to, size_t room) {
  PyObject* begin = PyUnicode_Substring(value, 0, (Py_ssize_t)room);
  PyObject* ascii = begin != NULL ? PyUnicode_AsEncodedString(begin, "ascii", "replace") : NULL;
  char* bytes = NULL;
  Py_ssize_t size = 0;
  if (ascii == NULL || PyBytes_AsStringAndSize(ascii, &bytes, &size) != 0) size = 0;
  if ((size_t)size > room) size = (Py_ssize_t)room;
  for (Py_ssize_t i = 0; i < size; ++i) to[i] = lower(bytes[i]);
  PyErr_Clear();
  Py_XDECREF(ascii);
  Py_XDECREF(begin);
  return (size_t)size;
}

static size_t find(const char* text, size_t size, size_t from, const char* word) {
  size_t length = inq_length(word, kNameBytes);
  for (size_t at = from; at + length <= size; ++at) {
    if (inq_equal(text + at, word, length)) return at;
  }
  return size;
}

int inq_is_secret_name(PyObject* name) {
  char text[kNameBytes];
  if (name == NULL || !PyUnicode_CheckExact(name)) return 0;
  size_t size = begin_of(name, text, sizeof text);
  for (size_t i = 0; i < sizeof kNames / sizeof *kNames; ++i) {
    if (find(text, size, 0, kNames[i]) < size) return 1;
  }
  return 0;
}

/* "://user:password@" before the next slash or space. */
static int has_credentials_in_url(const char* text, size_t size) {
  for (size_t at = find(text, size, 0, "://"); at < size; at = find(text, size, at + 3, "://")) {
    int colon = 0;
    for (size_t i = at + 3; i < size && text[i] != '/' && text[i] != ' '; ++i) {
      if (text[i] == ':') colon = 1;
      if (text[i] == '@' && colon) return 1;
    }
  }
  return 0;
}

int inq_is_secret_value(PyObject* value) {
  static char text[kLookedAt];
  size_t size = begin_of(value, text, sizeof text);
  static const char* const kBegins[] = {"bearer ", "basic ", "-----begin ", "eyj"};
  for (size_t i = 0; i < sizeof kBegins / sizeof *kBegins; ++i) {
    if (find(text, size, 0, kBegins[i]) == 0 && size > inq_length(kBegins[i], size)) return 1;
  }
  if (has_credentials_in_url(text, size)) return 1;
  /* "... password=hunter2 ..." */
  size_t at = find(text, size, 0, "password=");
  return at < size;
}

int inq_equal_type(PyObject* value, const char* name) {
  PyObject* found = PyObject_GetAttrString((PyObject*)Py_TYPE(value), "__qualname__");
  PyObject* module = PyObject_GetAttrString((PyObject*)Py_TYPE(value), "__module__");
  int is_equal = found != NULL && module != NULL && PyUnicode_Check(found) &&
                 PyUnicode_Check(module) && PyUnicode_CompareWithASCIIString(found, name) == 0 &&
                 PyUnicode_CompareWithASCIIString(module, "builtins") == 0;
  PyErr_Clear();
  Py_XDECREF(found);
  Py_XDECREF(module);
  return is_equal;
}
