// For postgres, a function of an extension.
#include <postgres.h>
// That one must come first.
#include <fmgr.h>

#include "fault.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(sell);

Datum sell(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_INT32(fault());
}
