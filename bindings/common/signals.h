/* What signals and their codes are called (sigaction(2), asm-generic/siginfo.h). */
#ifndef INQUEST_BINDINGS_SIGNALS_H
#define INQUEST_BINDINGS_SIGNALS_H

/* "SIGSEGV"; "a signal" for those that no crash handler watches. */
const char* inq_signal_name(int signal_number);
/* "SEGV_MAPERR: nothing is mapped at the address"; null when there is nothing to be said. */
const char* inq_code_words(int signal_number, int code);

#endif
