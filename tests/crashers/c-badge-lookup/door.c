#include <stdio.h>

#include "badge.h"

__attribute__((noinline)) static uint32_t zone_mask(const struct badge *badge, uint32_t extra) {
  return badge->zones | extra;  // CRASH
}

__attribute__((noinline)) static int may_enter(const struct reader *reader,
                                               const struct badge *badge) {
  uint32_t mask = zone_mask(badge, reader->refused > 100 ? 0x80 : 0);  // CRASH-ALSO
  return (mask >> reader->zone & 1) != 0;
}

__attribute__((noinline)) int door_open(struct reader *reader, const struct badge *badge) {
  if (may_enter(reader, badge)) {
    ++reader->admitted;
    return 1;
  }
  ++reader->refused;
  return 0;
}
