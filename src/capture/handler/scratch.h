/* Memory for what is put together while the process dies. Untouched until then, and without cost,
 * but for cores: a core that goes through a pipe would have all of it as zeros. */
#ifndef INQUEST_CAPTURE_HANDLER_SCRATCH_H
#define INQUEST_CAPTURE_HANDLER_SCRATCH_H

#include <elf.h>

enum { kInqMostSegments = 8192 };

struct inq_scratch {
  char maps[1024 * 1024];               /* text of /proc/self/maps; record.c */
  char smaps[16 * 1024];                /* a part of /proc/self/smaps; hidden.c */
  unsigned char notes[3 * 1024 * 1024]; /* record.c */
  char json[512 * 1024];                /* notes.c */
  Elf64_Phdr segments[kInqMostSegments];
};

/* Each part has one writer, the thread that reports the crash. */
extern struct inq_scratch inq_scratch;

/* Has the kernel leave it out of cores (MADV_DONTDUMP). */
void inq_scratch_keep_out_of_cores(void);

#endif
