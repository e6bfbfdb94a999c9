/* Where the text of a crash goes: a file and stderr, from a signal handler or a forked child.
 *
 * Text goes out in pieces that a pipe takes whole, each only when the descriptor is ready for it: a
 * reader that does not read costs a bounded time and then gets nothing more.
 */
#ifndef INQUEST_BINDINGS_OUTPUT_H
#define INQUEST_BINDINGS_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

/* Text under way. What does not fit is left out. */
struct inq_text {
  size_t size;
  char bytes[1024];
};

void inq_put(struct inq_text* text, const char* words);
void inq_put_bytes(struct inq_text* text, const char* bytes, size_t size);
void inq_put_decimal(struct inq_text* text, int64_t value);
void inq_put_hex(struct inq_text* text, uint64_t value); /* "0x1f" */
/* The UTC time of `seconds` since 1970, "2026-11-29T07:11:12Z". */
void inq_put_time(struct inq_text* text, int64_t seconds);

/* Opens the file for appending (mode 0600, made when it is not there); `path` empty: none. Without
 * an absolute path it stands in the working directory. 0 or the errno of the file. */
int inq_output_open(const char* path, int with_stderr);

void inq_output(const char* bytes, size_t size);
void inq_output_words(const char* words);
/* Writes the text, and empties it. */
void inq_output_text(struct inq_text* text);

#endif
