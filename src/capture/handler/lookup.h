/* Finds what stands behind a function of the preload object, as dlsym(RTLD_NEXT) does. That one is
 * in libdl before glibc 2.34, which a program need not have; the list of objects is in every libc.
 */
#ifndef INQUEST_CAPTURE_HANDLER_LOOKUP_H
#define INQUEST_CAPTURE_HANDLER_LOOKUP_H

#include <stddef.h>

typedef void (*inq_function)(void);

enum { kInqMostSought = 16 };

struct inq_sought {
  const char* name;
  inq_function found; /* null when there is none */
};

/* The definition of each function in the first object loaded after ours that has one, in one walk
 * over the objects; what is found already stays. Not for signal handlers: the C library may take a
 * lock. */
void inq_find_next(struct inq_sought* sought, size_t count);

#endif
