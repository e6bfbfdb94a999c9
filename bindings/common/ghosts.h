/* Waits for threads that do not exist: a forked child has the locks and conditions of its parent as
 * they were, but only one of its threads. V8 collects garbage with the help of others, glibc's
 * conditions remember who waited for them, and so on. */
#ifndef INQUEST_BINDINGS_GHOSTS_H
#define INQUEST_BINDINGS_GHOSTS_H

/* To be called in a signal handler, in a child whose only thread this is. When the signal
 * interrupted a wait on a futex, nobody else will ever end it: what is waited for is made to look
 * as if it had come. A mutex is then free, the memory of earlier waiters gone, a condition
 * signalled once (glibc 2.25 and later; others take it for a spurious wake-up at worst). Nothing
 * else is touched. x86-64 only: elsewhere the signal frame does not tell the address. */
void inq_end_wait_for_ghosts(void* ucontext);

#endif
