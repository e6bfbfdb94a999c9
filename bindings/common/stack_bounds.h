/* Where the calling thread's stack is, as the C library knows it. */
#ifndef INQUEST_BINDINGS_STACK_BOUNDS_H
#define INQUEST_BINDINGS_STACK_BOUNDS_H

#include <stdint.h>

/* Zeros when the C library does not say. The main thread's begins where its limit lets it grow to.
 */
void inq_stack_bounds(uintptr_t* begin, uintptr_t* end);

#endif
