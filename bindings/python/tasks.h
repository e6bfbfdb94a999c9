/* asyncio's tasks: their names, and where each waits. In the child, with the GIL, without running
 * any Python. */
#ifndef INQUEST_BINDINGS_PYTHON_TASKS_H
#define INQUEST_BINDINGS_PYTHON_TASKS_H

/* Writes nothing when asyncio was not imported, or has no tasks. Tasks of other classes than
 * asyncio's own (written in Python) are named only. */
void inq_print_tasks(void);

#endif
