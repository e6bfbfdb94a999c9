#include "capture/handler/maps.h"

#include <elf.h>

#include "capture/handler/raw.h"

struct line {
  const char* at;
  const char* end;
};

/* A hexadecimal number and the character behind it. */
static int take_number(struct line* line, char after, uint64_t* value) {
  int digits = 0;
  for (*value = 0; line->at < line->end && inq_hex_digit(*line->at) >= 0; ++line->at, ++digits)
    *value = *value << 4 | (uint64_t)inq_hex_digit(*line->at);
  if (digits == 0 || digits > 16 || line->at == line->end || *line->at != after) return 0;
  ++line->at;
  return 1;
}

static int take_protection(struct line* line, uint32_t* protect, int* is_shared) {
  static const char kLetters[] = "rwx";
  static const uint32_t kFlags[] = {PF_R, PF_W, PF_X};
  if (line->end - line->at < 5) return 0;
  *protect = 0;
  for (int i = 0; i < 3; ++i) {
    if (line->at[i] == kLetters[i]) *protect |= kFlags[i];
    if (line->at[i] != kLetters[i] && line->at[i] != '-') return 0;
  }
  *is_shared = line->at[3] == 's';
  line->at += 5; /* with the space */
  return 1;
}

static void skip_word(struct line* line) {
  while (line->at < line->end && *line->at != ' ') ++line->at;
  while (line->at < line->end && *line->at == ' ') ++line->at;
}

static int parse(struct line line, struct inq_mapping* out) {
  uint64_t begin, end;
  if (!take_number(&line, '-', &begin) || !take_number(&line, ' ', &end) ||
      !take_protection(&line, &out->protect, &out->is_shared) ||
      !take_number(&line, ' ', &out->offset) || begin >= end)
    return 0;
  out->begin = begin;
  out->end = end;
  skip_word(&line); /* device */
  skip_word(&line); /* inode */
  out->path = line.at;
  out->path_length = (size_t)(line.end - line.at);
  out->is_file = out->path_length > 0 && *line.at == '/';
  return 1;
}

int inq_next_mapping(const char* text, size_t size, size_t* at, struct inq_mapping* out) {
  while (*at < size) {
    size_t end = *at;
    while (end < size && text[end] != '\n') ++end;
    if (end == size) return 0;
    struct line line = {text + *at, text + end};
    *at = end + 1;
    if (parse(line, out)) return 1;
  }
  return 0;
}

size_t inq_keep_named(char* text, size_t size) {
  size_t kept = 0;
  for (size_t begin = 0; begin < size;) {
    size_t end = begin, at = begin;
    while (end < size && text[end] != '\n') ++end;
    int is_whole = end < size;
    if (is_whole) ++end;
    struct inq_mapping mapping;
    int has_name = !is_whole || (inq_next_mapping(text, end, &at, &mapping) && at == end &&
                                 mapping.path_length > 0);
    for (size_t i = begin; has_name && i < end; ++i) text[kept++] = text[i];
    begin = end;
  }
  return kept;
}
