"""Says why a Python process died of a signal: the fault, the native stack, the Python stacks of all threads, locals
(without what looks like a secret), and asyncio tasks. To stderr and to a file; from a forked child, with time limits.

    import inquest
    inquest.enable(path="/var/log/crash.log")
"""

import os
import sys
import threading
from typing import Optional, Union

from . import _inquest
from ._inquest import (cause_abort, cause_bus_error, cause_division_by_zero, cause_illegal_instruction, cause_segfault,
                       cause_stack_overflow, is_supervised)
from ._version import VERSION as __version__

__all__ = ["enable", "is_enabled", "is_supervised", "cause_abort", "cause_bus_error", "cause_division_by_zero",
           "cause_illegal_instruction", "cause_segfault", "cause_stack_overflow"]

# A signal that Linux has and nothing sends: in the forked child it makes faulthandler write the stacks of all threads,
# for which it needs no GIL.
_DUMP_SIGNAL = 16  # SIGSTKFLT
_dump_fd = -1
_enabled = False


def enable(path: Optional[Union[str, "os.PathLike[str]"]] = None, *, stderr: bool = True, locals: bool = True,
           threads: bool = True, stacks_timeout: float = 2.0, details_timeout: float = 2.0) -> None:
    """Installs the crash handler for the whole process; children made by fork have it too. Again: changes the options.

    path: of the file that the text is appended to (mode 0600); None: none.
    stderr: whether the text goes there as well.
    locals: whether the variables of the innermost frames are printed.
    threads: gives each thread that `threading` starts from now on an alternate signal stack, so that an overflow of its
        own stack can be reported.
    stacks_timeout, details_timeout: seconds for the stacks, and for locals and tasks; at most 2.5.

    Handlers that were installed before (faulthandler, uWSGI's) still get the signal, after us. OSError when it cannot be
    installed; ValueError for a path with a zero byte."""
    global _enabled
    place = b"" if path is None else os.path.abspath(os.fsencode(path))
    about = f"inquest {__version__}, {sys.implementation.name} {sys.version.split()[0]}, {sys.executable}"
    error = _inquest.enable(place, os.fsencode(about), int(stderr), int(locals), _milliseconds(stacks_timeout),
                            _milliseconds(details_timeout), _prepare_dump(), _DUMP_SIGNAL)
    if error != 0:
        raise OSError(error, os.strerror(error))
    if not _enabled:
        os.register_at_fork(after_in_child=_inquest.after_fork)
    if threads:
        _give_threads_stacks()
    _enabled = True


def is_enabled() -> bool:
    return _enabled


def _milliseconds(seconds: float) -> int:
    return max(1, min(60000, int(seconds * 1000)))


def _prepare_dump() -> int:
    """A descriptor that faulthandler writes to when it gets the signal; -1 where that cannot be had."""
    global _dump_fd
    if _dump_fd >= 0:
        return _dump_fd
    try:
        import faulthandler

        fd = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        faulthandler.register(_DUMP_SIGNAL, file=fd, all_threads=True, chain=False)
        _dump_fd = fd
    except (ImportError, OSError, RuntimeError, ValueError, AttributeError):
        return -1
    return _dump_fd


def _give_threads_stacks() -> None:
    """threading has no hook for the beginning of a thread: its first function is wrapped."""
    first = threading.Thread._bootstrap
    if getattr(first, "_inquest", False):
        return

    def _bootstrap(self):
        _inquest.thread_init()
        return first(self)

    _bootstrap._inquest = True
    threading.Thread._bootstrap = _bootstrap
