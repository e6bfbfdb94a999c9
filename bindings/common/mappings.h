/* The mappings of this process, looked through in a signal handler without memory of one's own. */
#ifndef INQUEST_BINDINGS_MAPPINGS_H
#define INQUEST_BINDINGS_MAPPINGS_H

#include "capture/handler/maps.h"

/* Calls `look` for each mapping, in ascending order, until it answers 1 or all have been seen (at
 * most 100,000). `mapping->path` is valid in the call only. 1 when `look` answered so. */
typedef int (*inq_mapping_look)(const struct inq_mapping* mapping, void* argument);
int inq_each_mapping(inq_mapping_look look, void* argument);

/* The mapping that holds `address`; 0: none. Its path is not given. */
int inq_mapping_of(uintptr_t address, struct inq_mapping* out);

/* From the first to the last mapping of the file that `address` is mapped from; 0: none. */
int inq_module_of(uintptr_t address, uintptr_t* begin, uintptr_t* end);

#endif
