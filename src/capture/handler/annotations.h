/* Facts that the program sets in advance, in fixed memory, readable by the handler at any moment.
 *
 * Each key has a slot with two values; the one that counts is replaced by flipping a number, so
 * that the handler always finds a whole value, even when the crash hit a thread in the middle of a
 * change. */
#ifndef INQUEST_CAPTURE_HANDLER_ANNOTATIONS_H
#define INQUEST_CAPTURE_HANDLER_ANNOTATIONS_H

#include <stddef.h>

enum {
  kInqAnnotations = 64,
  kInqKeyBytes = 64,    /* with the terminating zero */
  kInqValueBytes = 512, /* with the terminating zero */
};

/* "key=value\0key=value\0" of all that are set, in fixed memory; `*size` is 0 when none is. For the
 * thread that reports the crash only. */
const char* inq_annotations_gather(size_t* size);

#endif
