#include "bindings/common/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "capture/handler/raw.h"

enum {
  kPieceBytes = 4096, /* PIPE_BUF: a pipe that is ready takes as much without waiting */
  kPatienceMs = 500,  /* for one descriptor, over all pieces */
  kOutlets = 2,
};

static struct {
  int fd; /* -1: none, or given up */
  int patience_ms;
} outlets[kOutlets] = {{-1, 0}, {-1, 0}};

void inq_put_bytes(struct inq_text* text, const char* bytes, size_t size) {
  size_t room = sizeof text->bytes - text->size;
  if (size > room) size = room;
  inq_copy(text->bytes + text->size, bytes, size);
  text->size += size;
}

void inq_put(struct inq_text* text, const char* words) {
  inq_put_bytes(text, words, inq_length(words, sizeof text->bytes));
}

void inq_put_decimal(struct inq_text* text, int64_t value) {
  char digits[20];
  if (value < 0) inq_put(text, "-");
  uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  inq_put_bytes(text, digits, inq_decimal(digits, magnitude));
}

void inq_put_hex(struct inq_text* text, uint64_t value) {
  char digits[16];
  size_t at = sizeof digits;
  do {
    digits[--at] = "0123456789abcdef"[value & 15];
    value >>= 4;
  } while (value != 0);
  inq_put(text, "0x");
  inq_put_bytes(text, digits + at, sizeof digits - at);
}

static void put_two(struct inq_text* text, int64_t value, const char* behind) {
  char digits[2] = {(char)('0' + value / 10 % 10), (char)('0' + value % 10)};
  inq_put_bytes(text, digits, sizeof digits);
  inq_put(text, behind);
}

static int is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

void inq_put_time(struct inq_text* text, int64_t seconds) {
  enum { kDaySeconds = 86400 };
  static const int8_t kDays[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int64_t days = seconds / kDaySeconds, rest = seconds % kDaySeconds, year = 1970;
  if (seconds < 0 || seconds / kDaySeconds > (int64_t)366 * 8030) return;
  for (; days >= 365 + is_leap(year); ++year) days -= 365 + is_leap(year);
  int month = 0;
  for (;; ++month) {
    int length = kDays[month] + (month == 1 ? is_leap(year) : 0);
    if (days < length) break;
    days -= length;
  }
  inq_put_decimal(text, year);
  inq_put(text, "-");
  put_two(text, month + 1, "-");
  put_two(text, days + 1, "T");
  put_two(text, rest / 3600, ":");
  put_two(text, rest / 60 % 60, ":");
  put_two(text, rest % 60, "Z");
}

int inq_output_open(const char* path, int with_stderr) {
  outlets[0].fd = -1;
  outlets[1].fd = with_stderr ? STDERR_FILENO : -1;
  outlets[0].patience_ms = outlets[1].patience_ms = kPatienceMs;
  if (*path == '\0') return 0;
  /* O_NONBLOCK: a pipe without a reader fails instead of waiting for one. */
  long fd = inq_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
  if (fd < 0) return (int)-fd;
  outlets[0].fd = (int)fd;
  return 0;
}

static int is_ready(int outlet) {
  int64_t begin = inq_milliseconds();
  long ready = inq_poll(outlets[outlet].fd, POLLOUT, outlets[outlet].patience_ms);
  outlets[outlet].patience_ms -= (int)(inq_milliseconds() - begin);
  return ready > 0 && (ready & POLLOUT) != 0;
}

static void put_to(int outlet, const char* bytes, size_t size) {
  while (size != 0 && outlets[outlet].fd >= 0) {
    size_t piece = size < kPieceBytes ? size : kPieceBytes;
    long written = is_ready(outlet) ? inq_write(outlets[outlet].fd, bytes, piece) : -EAGAIN;
    if (written <= 0) {
      outlets[outlet].fd = -1;
      return;
    }
    bytes += written;
    size -= (size_t)written;
  }
}

void inq_output(const char* bytes, size_t size) {
  for (int i = 0; i < kOutlets; ++i) put_to(i, bytes, size);
}

void inq_output_words(const char* words) {
  enum { kMost = 65536 };
  inq_output(words, inq_length(words, kMost));
}

void inq_output_text(struct inq_text* text) {
  inq_output(text->bytes, text->size);
  text->size = 0;
}
