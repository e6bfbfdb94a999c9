/* JavaScript as the agent's language: which faults V8 mends, and the stack of a thread, printed in
 * a forked child with plain Node-API. */
#ifndef INQUEST_BINDINGS_JAVASCRIPT_H
#define INQUEST_BINDINGS_JAVASCRIPT_H

#include "bindings/common/agent.h"
#include "bindings/node/node_api.h"

extern const struct inq_language inq_javascript;

/* Notes the calling thread, whose JavaScript `env` is, and what is called in the child after a
 * crash of it (null or undefined: what was noted before stays). 0, ENOSPC (too many threads) or
 * EINVAL. The thread is forgotten when its environment ends. */
int inq_javascript_begin(napi_env env, napi_value callback);

#endif
