/* ELF notes as the kernel writes them into cores (linux/elfcore.h, fs/binfmt_elf.c), and ours of
 * owner "INQUEST" as in a slim record (docs/formats/handler-record.md). Built into fixed memory. */
#ifndef INQUEST_CAPTURE_HANDLER_NOTES_H
#define INQUEST_CAPTURE_HANDLER_NOTES_H

#include "capture/handler/crash.h"
#include "capture/handler/hidden.h"
#include "capture/handler/ranges.h"

#define INQ_NOTE_OWNER "INQUEST"
enum {
  kInqNoteMaps = 1, /* text of /proc/self/maps */
  kInqNoteJson = 2, /* fidelity, what is missing, annotations */
};

/* What the notes are made of. Texts may be empty. */
struct inq_sources {
  const char* maps;
  size_t maps_size;
  int maps_cut; /* more mappings than there was room for */
  const unsigned char* auxv;
  size_t auxv_size;
  const char* annotations; /* see annotations.h */
  size_t annotations_size;
  const struct inq_hidden* hidden;
};

/* Writes all notes to `to`. Answers their size; a note that does not fit into `room` is left out.
 */
size_t inq_notes(const struct inq_crash* crash, const struct inq_sources* sources,
                 const struct inq_ranges* ranges, unsigned char* to, size_t room);

#endif
