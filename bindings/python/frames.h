/* Frames as Python prints them in a traceback, without running any Python. */
#ifndef INQUEST_BINDINGS_PYTHON_FRAMES_H
#define INQUEST_BINDINGS_PYTHON_FRAMES_H

#include "bindings/common/output.h"
#include "bindings/python/python.h"

/* The frame and those that called it, innermost first: at most `most` into `out` (new references);
 * `*left_out`: how many more there are (counted up to 100,000). The number of those in `out`. */
size_t inq_frames_of(PyObject* frame, PyObject** out, size_t most, size_t* left_out);

/* Writes `  File "...", line 7, in name` and the source line where the file can be read. `indent`:
 * before each line. */
void inq_print_frame(PyObject* frame, const char* indent);

/* Writes a stack, innermost call last. */
void inq_print_frames(PyObject* frame, size_t most, const char* indent);

/* Appends "shop.py:7 in name". */
void inq_put_place(struct inq_text* text, PyObject* frame);

#endif
