/* An ELF core around notes and ranges of memory, written from front to back. */
#ifndef INQUEST_CAPTURE_HANDLER_CORE_FILE_H
#define INQUEST_CAPTURE_HANDLER_CORE_FILE_H

#include "capture/handler/ranges.h"

/* `maps` is the text of /proc/self/maps: what of a mapping is not in `ranges` becomes a segment
 * with no bytes in the file, as the kernel marks what it left out. The descriptor need not be
 * seekable; one that does not block is waited for, at most a second at a time.
 *
 * Pages that can no longer be read are cut off from their segment where the file can be rewritten.
 *
 * 1: all is written. 0: not. */
int inq_core_write(int fd, const struct inq_ranges* ranges, const char* maps, size_t maps_size,
                   const unsigned char* notes, size_t notes_size);

#endif
