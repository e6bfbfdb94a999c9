"""What `INQUEST_ENABLE=1` does, through inquest-enable.pth, before the program's first line."""

import os

from . import enable

try:
    enable(os.environ.get("INQUEST_CRASH_LOG") or None, stderr=os.environ.get("INQUEST_CRASH_STDERR") != "0",
           locals=os.environ.get("INQUEST_LOCALS") != "0")
except OSError as error:
    import warnings

    warnings.warn(f"inquest: the crash handler cannot be installed: {error}", RuntimeWarning)
