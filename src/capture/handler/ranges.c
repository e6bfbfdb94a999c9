#include "capture/handler/ranges.h"

enum { kPage = 4096 };

/* The first range that ends behind `address`. */
static size_t lower(const struct inq_ranges* ranges, uintptr_t address) {
  size_t low = 0, high = ranges->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (ranges->at[middle].end > address) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

int inq_ranges_has(const struct inq_ranges* ranges, uintptr_t address) {
  size_t i = lower(ranges, address);
  return i < ranges->count && ranges->at[i].begin <= address;
}

static void remove_at(struct inq_ranges* ranges, size_t index) {
  --ranges->count;
  for (size_t i = index; i < ranges->count; ++i) ranges->at[i] = ranges->at[i + 1];
}

static int insert_at(struct inq_ranges* ranges, size_t index, uintptr_t page) {
  if (ranges->count == kInqRanges) {
    ranges->full = 1;
    return 0;
  }
  for (size_t i = ranges->count; i > index; --i) ranges->at[i] = ranges->at[i - 1];
  ranges->at[index] = (struct inq_range){page, page + kPage};
  ++ranges->count;
  return 1;
}

int inq_ranges_add_page(struct inq_ranges* ranges, uintptr_t address) {
  uintptr_t page = address & ~(uintptr_t)(kPage - 1);
  if (page + kPage < page || inq_ranges_has(ranges, page)) return 0;
  size_t next = lower(ranges, page);
  int joins_last = next > 0 && ranges->at[next - 1].end == page;
  int joins_next = next < ranges->count && ranges->at[next].begin == page + kPage;
  if (joins_last && joins_next) {
    ranges->at[next - 1].end = ranges->at[next].end;
    remove_at(ranges, next);
  } else if (joins_last) {
    ranges->at[next - 1].end += kPage;
  } else if (joins_next) {
    ranges->at[next].begin -= kPage;
  } else if (!insert_at(ranges, next, page)) {
    return 0;
  }
  ranges->bytes += kPage;
  return 1;
}
