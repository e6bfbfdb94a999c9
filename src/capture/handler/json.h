/* JSON into fixed memory. Pure. What does not fit is left out, and `cut` says so. */
#ifndef INQUEST_CAPTURE_HANDLER_JSON_H
#define INQUEST_CAPTURE_HANDLER_JSON_H

#include <stddef.h>
#include <stdint.h>

struct inq_json {
  char* bytes;
  size_t room;
  size_t size;
  int cut;
};

/* Text of ours as it is: punctuation, keys. Ends with a zero byte, which is not written. */
void inq_json_raw(struct inq_json* json, const char* text);

/* A string in quotes. Control characters are escaped; what is no UTF-8 becomes U+FFFD. */
void inq_json_string(struct inq_json* json, const char* bytes, size_t size);

void inq_json_number(struct inq_json* json, uint64_t value);

/* Seconds since 1970 as "2026-11-29T00:54:35Z", in quotes. */
void inq_json_time(struct inq_json* json, int64_t seconds);

#endif
