#include "header.h"

#include <string.h>

const char *header_value(const char *line) { return strchr(line, ':') + 1; }
