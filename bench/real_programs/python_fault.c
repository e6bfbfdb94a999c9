// For gunicorn, by ctypes.
#include "fault.h"

int sell(void) { return fault(); }
