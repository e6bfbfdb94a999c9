"""What the tests of `inquest collect` share: a program that crashes, and the collector on the real kernel.

core_pattern is the whole machine's: such tests run alone, put it back, and are skipped where it cannot be set.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import e2e

PATTERN = Path("/proc/sys/kernel/core_pattern")
FAULT = r"""
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
struct order { int id; struct order *next; };
__attribute__((noinline)) static int total(struct order *o) { return o->next->id; }
int main(int argc, char **argv) {
  char *memory = malloc(4 << 20);
  memset(memory, 'x', 4 << 20);
  struct order *o = calloc(1, sizeof *o);
  if (argc > 1) usleep(atoi(argv[1]));
  return total(o) + memory[7];
}
"""


# Root in a container has these not, and can neither look into the processes of others nor read the kernel's log.
NEEDED_RIGHTS = {"sys_ptrace": 19, "sys_admin": 21, "syslog": 34}


def may_set_pattern() -> bool:
    status = Path("/proc/self/status").read_text()
    line, = [line for line in status.splitlines() if line.startswith("CapEff:")]
    rights = int(line.split()[1], 16)
    if any(not rights >> number & 1 for number in NEEDED_RIGHTS.values()):
        return False
    try:
        PATTERN.write_text(PATTERN.read_text())
        return os.geteuid() == 0
    except OSError:
        return False


class CollectorCase(unittest.TestCase):
    def setUp(self):
        if not may_set_pattern():
            raise unittest.SkipTest("core_pattern cannot be set here, or this root has not the rights of the host's")
        self.before = PATTERN.read_text()
        self.folder = e2e.fresh("collect-" + self.id().rsplit(".", 1)[1][:40])
        self.vault = self.folder / "vault"
        self.collector = None
        self.program = e2e.compile_program(self.folder, "fault", FAULT, "-g", "-O1")
        os.chmod(self.folder, 0o755)

    def tearDown(self):
        if self.collector is not None:
            self.stop()
        PATTERN.write_text(self.before)

    # --- what the tests do ---

    def serve(self, *arguments, prefix=()):
        modes = Path("/proc/sys/kernel/core_modes")
        if not modes.exists() or "socket" not in modes.read_text():
            raise unittest.SkipTest("this kernel has no coredump socket")
        # Not in the work tree, to which others than root may be allowed to write.
        place = Path(tempfile.mkdtemp(prefix="inquest-collect-"))
        self.addCleanup(shutil.rmtree, place)
        self.socket = place / "core.sock"
        self.log = self.folder / "log"
        with open(self.log, "wb") as log:
            self.collector = subprocess.Popen(
                [*prefix, e2e.INQUEST, "collect", "--set-pattern", "--listen", self.socket, "--vault", self.vault, *arguments],
                stderr=log, env=e2e.environment())
        self.wait_for(lambda: PATTERN.read_text().strip() == f"@@{self.socket}")

    def stop(self):
        self.collector.send_signal(signal.SIGTERM)
        self.assertEqual(self.collector.wait(60), 0, self.log.read_text())
        self.collector = None

    def wait_for(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "it did not come")
            time.sleep(0.02)

    def cases(self) -> list:
        return json.loads(e2e.inquest("ls", "--json", "--vault", self.vault).out)["cases"]

    def stats(self) -> dict:
        return json.loads(e2e.inquest("stats", "--json", "--vault", self.vault).out)

    def crash(self, *arguments, **options):
        return subprocess.run([self.program, *arguments], cwd=self.folder, **options)
