"""What the tests of the handler share: its programs, and to run them under a small supervisor."""

import functools
import os
import resource
import signal
import subprocess
import unittest
from pathlib import Path

import e2e
from handler_supervisor import Supervisor

SOURCES = Path(__file__).resolve().parent / "handler"
LIBRARIES = Path(e2e.INQUEST).resolve().parent.parent / "lib"
PRELOAD = LIBRARIES / "libinquest-preload.so"
INCLUDE = e2e.ROOT / "include"


@functools.cache
def victim(name: str, *flags: str) -> Path:
    program = e2e.fresh("victims") / name
    e2e.run_tool(e2e.CC, "-std=gnu11", "-g", "-O0", "-w", "-pthread", "-o", program, SOURCES / f"{name}.c", *flags)
    return program


def linked(name: str) -> Path:
    return victim(name, "-DLINKED", f"-I{INCLUDE}", str(LIBRARIES / "libinquest.a"))


def run(*command, env=None, preload=True, timeout=60, **options) -> subprocess.CompletedProcess:
    variables = {"PATH": os.environ["PATH"], "HOME": str(e2e.work())} | (env or {})
    if preload:
        variables["LD_PRELOAD"] = str(PRELOAD)
    options.setdefault("cwd", e2e.work())
    return subprocess.run([str(part) for part in command], env=variables, capture_output=True, timeout=timeout,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)), **options)


class HandlerTest(unittest.TestCase):
    def dies(self, *command, of, code=None, preload=True, flags=None, wait=False, **supervisor):
        """Runs it under a supervisor: it dies of the signal, and is reported once. The report."""
        with Supervisor(**supervisor) as listening:
            done = run(*command, env=listening.environment, preload=preload)
        self.assertEqual(listening.errors, [])
        self.assertEqual(done.returncode, -of, done.stderr)
        self.assertEqual(len(listening.crashes), 1, listening.crashes)
        crash = listening.crashes[0]
        self.assertEqual(crash.signal, of)
        if code is not None:
            self.assertEqual(crash.code, code)
        if flags is not None:
            self.assertEqual(crash.flags, flags)
        return crash

    def not_reported(self, *command, status=0, preload=True, **options):
        with Supervisor() as listening:
            done = run(*command, env=listening.environment, preload=preload, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(listening.crashes, [])
        return done


# What each fault is to its signal handler: number, si_code, si_addr where it is known.
FAULTS = {
    "SEGV": (signal.SIGSEGV, 1, 0x1234),
    "noncanonical": (signal.SIGSEGV, 128, 0),
    "jump": (signal.SIGSEGV, 1, 0x77777000),
    "BUS": (signal.SIGBUS, 2, None),
    "ILL": (signal.SIGILL, 2, None),
    "FPE": (signal.SIGFPE, 1, None),
    "TRAP": (signal.SIGTRAP, 128, None),
    "SYS": (signal.SIGSYS, 1, None),
    "ABRT": (signal.SIGABRT, -6, None),
    "XFSZ": (signal.SIGXFSZ, 0, None),
    "raise": (signal.SIGSEGV, -6, None),
    "kill": (signal.SIGILL, 0, None),
    "overflow": (signal.SIGSEGV, None, None),
}
