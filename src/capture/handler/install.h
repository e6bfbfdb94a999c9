/* What inquest_install() does, for it and for the preload object. */
#ifndef INQUEST_CAPTURE_HANDLER_INSTALL_H
#define INQUEST_CAPTURE_HANDLER_INSTALL_H

struct inquest_options;

/* `interposed`: sigaction() and its like come to us (interpose.c). 0 or an errno value. */
int inq_install(const struct inquest_options* options, int interposed);

#endif
