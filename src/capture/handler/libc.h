/* The few things that only the program's C library can do, looked up weakly and never in the crash
 * path: the objects name no library and no symbol version, so that one preload object serves old
 * and new glibc and musl. */
#ifndef INQUEST_CAPTURE_HANDLER_LIBC_H
#define INQUEST_CAPTURE_HANDLER_LIBC_H

#include <stdint.h>

#include "capture/handler/lookup.h"

/* The value of an environment variable, or null; also null in a setuid program or the like. */
const char* inq_environment(const char* name);

/* Where the environment is when the C library has not yet said so itself: what glibc hands to
 * constructors. Other libraries hand over nothing, so that it is looked at first. */
void inq_offer_environment(int count, char** arguments, char** environment);

/* A word of the auxiliary vector; 0 when unknown. */
unsigned long inq_auxiliary(unsigned long type);

/* The code of abort(); zeros when it is not found. */
void inq_find_abort(uintptr_t* begin, uintptr_t* end);

/* Arranges that `stack` (struct inq_stack*) is taken away and freed when the calling thread ends.
 * 0 when the C library cannot. */
int inq_free_stack_at_exit(void* stack);

/* Has `child` called in every child that the C library forks. */
void inq_at_fork(inq_function child);

/* Sets errno, where the C library has one. */
void inq_set_errno(int value);

#endif
