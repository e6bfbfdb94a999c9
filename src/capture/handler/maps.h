/* The text of /proc/self/maps (man 5 proc_pid_maps), line by line. Pure. */
#ifndef INQUEST_CAPTURE_HANDLER_MAPS_H
#define INQUEST_CAPTURE_HANDLER_MAPS_H

#include <stddef.h>
#include <stdint.h>

struct inq_mapping {
  uintptr_t begin, end;
  uint64_t offset;  /* in the file */
  uint32_t protect; /* PF_R, PF_W, PF_X as in program headers */
  int is_shared;    /* changes are seen by other processes */
  int is_file;      /* mapped from a file: `path` is one */
  const char* path; /* not terminated; "[stack]" and the like; empty for none */
  size_t path_length;
};

/* Reads the line at `*at` of `text` and moves `*at` behind it. 1: a mapping; 0: no whole line is
 * left. Lines that are no mappings are passed over. */
int inq_next_mapping(const char* text, size_t size, size_t* at, struct inq_mapping* out);

/* Takes lines of mappings that have no name out of `text`, in place; a last line without its
 * newline stays. The size that is left. */
size_t inq_keep_named(char* text, size_t size);

#endif
