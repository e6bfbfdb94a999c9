#include "bindings/python/frames.h"

#include <fcntl.h>

#include "bindings/python/value.h"
#include "capture/handler/raw.h"

enum {
  kMostCounted = 100000,
  kMostPrinted = 128,
  kNameCharacters = 300,
  kLineBytes = 200,
  kFileBytes = 4 << 20, /* of a source, looked through for its line */
};

size_t inq_frames_of(PyObject* frame, PyObject** out, size_t most, size_t* left_out) {
  size_t count = 0;
  *left_out = 0;
  Py_XINCREF(frame);
  while (frame != NULL && frame != Py_None && *left_out < kMostCounted) {
    PyObject* back = inq_attribute(frame, "f_back");
    if (count < most) {
      out[count++] = frame;
    } else {
      ++*left_out;
      Py_DECREF(frame);
    }
    frame = back;
  }
  Py_XDECREF(frame);
  return count;
}

static long line_of(PyObject* frame) {
  PyObject* number = inq_attribute(frame, "f_lineno");
  long line = number != NULL && PyLong_Check(number) ? PyLong_AsLong(number) : -1;
  PyErr_Clear();
  Py_XDECREF(number);
  return line;
}

/* co_qualname is there from 3.11 on. */
static PyObject* name_of(PyObject* code) {
  PyObject* name = inq_attribute(code, "co_qualname");
  return name != NULL ? name : inq_attribute(code, "co_name");
}

/* The line of a file, without the blanks before it; 0: not readable, or not that long. */
static size_t read_line(const char* path, long wanted, char* to, size_t room) {
  static char block[4096];
  size_t size = 0, seen = 0;
  long line = 1, got;
  long fd = inq_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
  while (fd >= 0 && line <= wanted && seen < kFileBytes &&
         (got = inq_read((int)fd, block, sizeof block)) > 0) {
    seen += (size_t)got;
    for (long i = 0; i < got && line <= wanted; ++i) {
      if (block[i] == '\n') {
        ++line;
      } else if (line == wanted && size < room &&
                 (size != 0 || (block[i] != ' ' && block[i] != '\t'))) {
        to[size++] = block[i];
      }
    }
  }
  if (fd >= 0) inq_close((int)fd);
  return size;
}

static void put_source(struct inq_text* text, PyObject* file, long line, const char* indent) {
  char source[kLineBytes];
  PyObject* path =
      file != NULL && PyUnicode_CheckExact(file) ? PyUnicode_EncodeFSDefault(file) : NULL;
  const char* name = path != NULL ? PyBytes_AsString(path) : NULL;
  size_t size =
      name != NULL && *name != '<' && line > 0 ? read_line(name, line, source, sizeof source) : 0;
  if (size != 0) {
    inq_put(text, indent);
    inq_put(text, "    ");
    inq_put_bytes(text, source, size);
    inq_put(text, "\n");
  }
  PyErr_Clear();
  Py_XDECREF(path);
}

void inq_print_frame(PyObject* frame, const char* indent) {
  struct inq_text text;
  text.size = 0;
  PyObject* code = inq_attribute(frame, "f_code");
  PyObject* file = inq_attribute(code, "co_filename");
  PyObject* name = name_of(code);
  long line = line_of(frame);
  inq_put(&text, indent);
  inq_put(&text, "  File \"");
  inq_put_str(&text, file, kNameCharacters);
  inq_put(&text, "\", line ");
  if (line >= 0) {
    inq_put_decimal(&text, line);
  } else {
    inq_put(&text, "?");
  }
  inq_put(&text, ", in ");
  inq_put_str(&text, name, kNameCharacters);
  inq_put(&text, "\n");
  put_source(&text, file, line, indent);
  inq_output_text(&text);
  Py_XDECREF(name);
  Py_XDECREF(file);
  Py_XDECREF(code);
}

void inq_print_frames(PyObject* frame, size_t most, const char* indent) {
  PyObject* frames[kMostPrinted];
  size_t left_out;
  size_t count = inq_frames_of(frame, frames, most < kMostPrinted ? most : kMostPrinted, &left_out);
  if (left_out != 0) {
    struct inq_text text;
    text.size = 0;
    inq_put(&text, indent);
    inq_put(&text, "  (");
    inq_put_decimal(&text, (int64_t)left_out);
    inq_put(&text,
            left_out < kMostCounted ? " calls before these)\n" : " or more calls before these)\n");
    inq_output_text(&text);
  }
  while (count-- > 0) {
    inq_print_frame(frames[count], indent);
    Py_DECREF(frames[count]);
  }
}

void inq_put_place(struct inq_text* text, PyObject* frame) {
  PyObject* code = inq_attribute(frame, "f_code");
  PyObject* file = inq_attribute(code, "co_filename");
  PyObject* name = name_of(code);
  inq_put_str(text, file, kNameCharacters);
  inq_put(text, ":");
  inq_put_decimal(text, line_of(frame));
  inq_put(text, " in ");
  inq_put_str(text, name, kNameCharacters);
  Py_XDECREF(name);
  Py_XDECREF(file);
  Py_XDECREF(code);
}
