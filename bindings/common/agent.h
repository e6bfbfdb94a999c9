/* What the packages for languages install: libinquest's handler, and a reporter that writes the
 * text of a crash (docs/node.md, docs/python-package.md).
 *
 * Under `inquest run`, whose handler is in the process already, the reporter joins that one: one
 * handler, one record. Alone, this object's own copy of the handler is installed.
 */
#ifndef INQUEST_BINDINGS_AGENT_H
#define INQUEST_BINDINGS_AGENT_H

#include "bindings/common/settings.h"

/* Installs all of this, or changes it; the last call counts. The calling thread gets an alternate
 * signal stack. Calls must not overlap. 0 or an errno value. */
int inq_agent_install(const struct inq_language* language, const struct inq_settings* settings);

/* Whether that has been done. */
int inq_agent_is_installed(void);
/* Whether the handler of `inquest run` is the one that works. */
int inq_agent_is_guest(void);

#endif
