/* What a core does not tell as well: exceptions, locals, asyncio tasks. In the child, with the GIL,
 * without running any Python. */
#ifndef INQUEST_BINDINGS_PYTHON_DETAILS_H
#define INQUEST_BINDINGS_PYTHON_DETAILS_H

/* Takes the exception that was being raised at the crash away from Python, to which it is in the
 * way. */
void inq_details_take_exception(void);

/* Writes that exception and the one being handled, the locals of the innermost frames, and the
 * tasks. */
void inq_details_print(int with_locals);

#endif
