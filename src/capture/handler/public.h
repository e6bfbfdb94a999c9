/* The public header, with its functions exported from the shared objects. */
#ifndef INQUEST_CAPTURE_HANDLER_PUBLIC_H
#define INQUEST_CAPTURE_HANDLER_PUBLIC_H

#pragma GCC visibility push(default)
#include <inquest/handler.h>
#pragma GCC visibility pop

#endif
