/* The text of a crash, written in the signal handler: the first line as npm's segfault-handler
 * writes it, what is known of the fault, and what a forked child prints: the native stack, the
 * language's stack, and what the program wants done. */
#ifndef INQUEST_BINDINGS_REPORT_H
#define INQUEST_BINDINGS_REPORT_H

#include <inquest/handler.h>

/* For struct inquest_reporter. */
void inq_report(const struct inquest_fault* fault);

#endif
