/* Finds what stands behind a function of the preload object, as dlsym(RTLD_NEXT) does. That one is
 * in libdl before glibc 2.34, which a program need not have; the list of objects is in every libc.
 */
#ifndef INQUEST_CAPTURE_HANDLER_LOOKUP_H
#define INQUEST_CAPTURE_HANDLER_LOOKUP_H

typedef void (*inq_function)(void);

/* The definition of function `name` in the first object loaded after ours; null when there is none.
 * Not for signal handlers: the C library may take a lock. */
inq_function inq_next(const char* name);

#endif
