/* Which process this is: a child made by vfork shares our memory but is another one. */
#ifndef INQUEST_CAPTURE_HANDLER_PROCESS_H
#define INQUEST_CAPTURE_HANDLER_PROCESS_H

/* Once, at install. */
void inq_process_begin(void);

/* In a child made by fork: this is a process of its own now. */
void inq_process_forked(void);

/* 1 in a child that shares the memory of the process that installed the handler (or of a fork of
 * it): what it does to its own signals must not be written into that memory. */
int inq_is_vfork_child(void);

#endif
