#include "capture/handler/hidden.h"

#include <fcntl.h>

#include "capture/handler/maps.h"
#include "capture/handler/raw.h"
#include "capture/handler/scratch.h"

/* The bits of coredump_filter, and what the kernel takes when it cannot be read. */
enum { kAnonymousPrivate = 1, kAnonymousShared = 2, kFileShared = 8, kDefaultFilter = 0x33 };

static void hide(struct inq_hidden* out, struct inq_range range) {
  if (out->count > 0 && out->at[out->count - 1].end >= range.end) return; /* already is */
  if (out->count > 0 && out->at[out->count - 1].end == range.begin) {
    out->at[out->count - 1].end = range.end;
  } else if (out->count < kInqHiddenRanges) {
    out->at[out->count++] = range;
  } else {
    out->full = 1;
  }
}

static int ends_with(const char* text, size_t length, const char* end, size_t end_length) {
  return length >= end_length && inq_equal(text + length - end_length, end, end_length);
}

/* fs/coredump.c, vma_dump_size: a shared mapping whose file has no name counts as anonymous. */
static int filter_hides(const struct inq_mapping* mapping, uint32_t filter) {
  if (mapping->is_shared) {
    int nameless = ends_with(mapping->path, mapping->path_length, " (deleted)", 10);
    return (filter & (nameless ? kAnonymousShared : kFileShared)) == 0;
  }
  return !mapping->is_file && (filter & kAnonymousPrivate) == 0;
}

static int has_flag(const char* line, size_t size, char first, char second) {
  for (size_t i = 0; i + 3 < size; ++i) {
    if (line[i] == ' ' && line[i + 1] == first && line[i + 2] == second &&
        (line[i + 3] == ' ' || line[i + 3] == '\n'))
      return 1;
  }
  return 0;
}

void inq_hidden_line(struct inq_hidden* out, const char* line, size_t size) {
  static const char kFlags[] = "VmFlags:";
  struct inq_mapping mapping;
  size_t at = 0;
  if (size > sizeof kFlags && inq_equal(line, kFlags, sizeof kFlags - 1)) {
    out->known = 1;
    if (has_flag(line, size, 'd', 'd') || has_flag(line, size, 'i', 'o')) hide(out, out->last);
  } else if (inq_next_mapping(line, size, &at, &mapping)) {
    out->last = (struct inq_range){mapping.begin, mapping.end};
    if (filter_hides(&mapping, out->filter)) hide(out, out->last);
  }
}

static uint32_t read_filter(void) {
  char text[16];
  uint32_t filter = 0;
  size_t size = inq_read_file("/proc/self/coredump_filter", text, sizeof text);
  for (size_t i = 0; i < size && inq_hex_digit(text[i]) >= 0; ++i)
    filter = filter << 4 | (uint32_t)inq_hex_digit(text[i]);
  return size > 0 ? filter : kDefaultFilter;
}

void inq_find_hidden(struct inq_hidden* out) {
  char* text = inq_scratch.smaps;
  size_t held = 0;
  out->known = out->full = 0;
  out->count = 0;
  out->last = (struct inq_range){0, 0};
  out->filter = read_filter();
  long fd = inq_open("/proc/self/smaps", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return;
  for (;;) {
    long got = inq_read((int)fd, text + held, sizeof inq_scratch.smaps - held);
    if (got <= 0) break;
    held += (size_t)got;
    size_t begin = 0;
    for (size_t i = 0; i < held; ++i) {
      if (text[i] != '\n') continue;
      inq_hidden_line(out, text + begin, i + 1 - begin);
      begin = i + 1;
    }
    /* A line longer than the buffer is no line of smaps. */
    if (begin == 0 && held == sizeof inq_scratch.smaps) begin = held;
    inq_copy(text, text + begin, held - begin);
    held -= begin;
  }
  inq_close((int)fd);
}

int inq_is_hidden(const struct inq_hidden* hidden, uintptr_t address) {
  for (size_t i = 0; i < hidden->count; ++i) {
    if (address >= hidden->at[i].begin && address < hidden->at[i].end) return 1;
  }
  return hidden->full && address >= hidden->at[hidden->count - 1].end;
}
