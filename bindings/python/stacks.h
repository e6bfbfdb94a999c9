/* Python as the agent's language: the stacks of all threads, then locals and asyncio tasks. */
#ifndef INQUEST_BINDINGS_PYTHON_STACKS_H
#define INQUEST_BINDINGS_PYTHON_STACKS_H

#include "bindings/common/settings.h"

extern const struct inq_language inq_python;

/* What the child needs to know: whether locals are wanted; the descriptor that faulthandler was
 * told to write to when it gets `dump_signal` (-1: it was not). */
void inq_python_begin(int with_locals, int dump_fd, int dump_signal);

#endif
