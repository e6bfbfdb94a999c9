#include "bindings/common/mappings.h"

#include <fcntl.h>

#include "capture/handler/raw.h"

enum { kMostMappings = 100000, kPathBytes = 4096 };

/* One process has one crash; outside of it, setting up is done under a lock of the caller's. */
static char text[16384];

int inq_each_mapping(inq_mapping_look look, void* argument) {
  long fd = inq_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
  size_t have = 0;
  int found = 0, left = kMostMappings;
  while (fd >= 0 && !found && left > 0) {
    long got = inq_read((int)fd, text + have, sizeof text - have);
    if (got <= 0) break;
    have += (size_t)got;
    size_t at = 0;
    struct inq_mapping mapping;
    while (!found && left-- > 0 && inq_next_mapping(text, have, &at, &mapping) != 0)
      found = look(&mapping, argument);
    if (at == 0 && have == sizeof text) break; /* no line is as long */
    inq_copy(text, text + at, have - at);
    have -= at;
  }
  if (fd >= 0) inq_close((int)fd);
  return found;
}

struct search {
  uintptr_t address;
  struct inq_mapping found;
  char path[kPathBytes];
  size_t path_length;
  uintptr_t begin, end;
};

static int holds(const struct inq_mapping* mapping, void* argument) {
  struct search* search = argument;
  if (search->address < mapping->begin || search->address >= mapping->end) return 0;
  search->found = *mapping;
  search->found.path = "";
  search->found.path_length = 0;
  search->path_length = mapping->path_length < kPathBytes ? mapping->path_length : 0;
  inq_copy(search->path, mapping->path, search->path_length);
  return 1;
}

static int is_same_file(const struct inq_mapping* mapping, void* argument) {
  struct search* search = argument;
  if (mapping->path_length == search->path_length &&
      inq_equal(mapping->path, search->path, search->path_length)) {
    if (search->begin == 0) search->begin = mapping->begin;
    search->end = mapping->end;
  }
  return 0;
}

static struct search search;

int inq_mapping_of(uintptr_t address, struct inq_mapping* out) {
  search.address = address;
  if (!inq_each_mapping(holds, &search)) return 0;
  *out = search.found;
  return 1;
}

int inq_module_of(uintptr_t address, uintptr_t* begin, uintptr_t* end) {
  search.address = address;
  search.begin = search.end = 0;
  if (!inq_each_mapping(holds, &search) || search.path_length == 0) return 0;
  inq_each_mapping(is_same_file, &search);
  *begin = search.begin;
  *end = search.end;
  return search.begin != 0;
}
