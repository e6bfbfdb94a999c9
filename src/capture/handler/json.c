#include "capture/handler/json.h"

#include "capture/handler/raw.h"

static void put(struct inq_json* json, const char* bytes, size_t size) {
  if (json->cut || size > json->room - json->size) {
    json->cut = 1;
    return;
  }
  inq_copy(json->bytes + json->size, bytes, size);
  json->size += size;
}

void inq_json_raw(struct inq_json* json, const char* text) {
  enum { kLongest = 1024 };
  put(json, text, inq_length(text, kLongest));
}

/* The length of the UTF-8 sequence at the beginning (Unicode 15, table 3-7), 0 when it is none. */
static size_t sequence(const unsigned char* at, size_t left) {
  unsigned char low = 0x80, high = 0xbf, first = at[0];
  size_t length;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f; /* no surrogates */
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (length > left || at[1] < low || at[1] > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (at[i] < 0x80 || at[i] > 0xbf) return 0;
  }
  return length;
}

static void put_escaped(struct inq_json* json, unsigned char c) {
  static const char kHex[] = "0123456789abcdef";
  char escape[6] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
  if (c == '"' || c == '\\') {
    escape[1] = (char)c;
    put(json, escape, 2);
  } else {
    put(json, escape, sizeof escape);
  }
}

void inq_json_string(struct inq_json* json, const char* bytes, size_t size) {
  const unsigned char* at = (const unsigned char*)bytes;
  put(json, "\"", 1);
  for (size_t i = 0; i < size;) {
    size_t length = sequence(at + i, size - i);
    if (length == 0) {
      put(json, "\\ufffd", 6);
      length = 1;
    } else if (length == 1 && (at[i] < ' ' || at[i] == '"' || at[i] == '\\' || at[i] == 0x7f)) {
      put_escaped(json, at[i]);
    } else {
      put(json, bytes + i, length);
    }
    i += length;
  }
  put(json, "\"", 1);
}

void inq_json_number(struct inq_json* json, uint64_t value) {
  char digits[20];
  put(json, digits, inq_decimal(digits, value));
}

static void put_two(struct inq_json* json, unsigned value, char after) {
  char text[3] = {(char)('0' + value / 10 % 10), (char)('0' + value % 10), after};
  put(json, text, sizeof text);
}

void inq_json_time(struct inq_json* json, int64_t seconds) {
  /* Days into a date of the Gregorian calendar: years begin in March, an era has 400 of them. */
  uint64_t time = seconds < 0 ? 0 : (uint64_t)seconds;
  uint64_t day = time / 86400 + 719468, rest = time % 86400;
  uint64_t era = day / 146097, of_era = day % 146097;
  uint64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  uint64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  uint64_t month_index = (5 * of_year + 2) / 153;
  uint64_t day_of_month = of_year - (153 * month_index + 2) / 5 + 1;
  uint64_t month = month_index < 10 ? month_index + 3 : month_index - 9;
  put(json, "\"", 1);
  inq_json_number(json, era * 400 + year_of_era + (month <= 2 ? 1 : 0));
  put(json, "-", 1);
  put_two(json, (unsigned)month, '-');
  put_two(json, (unsigned)day_of_month, 'T');
  put_two(json, (unsigned)(rest / 3600), ':');
  put_two(json, (unsigned)(rest / 60 % 60), ':');
  put_two(json, (unsigned)(rest % 60), 'Z');
  put(json, "\"", 1);
}
