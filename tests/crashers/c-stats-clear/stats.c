#include <string.h>

#include "session.h"

void stats_clear(struct stats *stats) { memset(stats, 0, sizeof(struct session)); }
