"""Attacks on the collector, one or more for each rule that others broke (the CVEs stand beside them).

They set core_pattern, so they run alone. The rest of the rules is attacked where it is nearer: the filter of system
calls and the socket's place in capture/collect's own tests, archives and gdb scripts in vault_test.py.
"""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import e2e
from collector_case import PATTERN, CollectorCase

NOBODY = 65534
SECRET = "THE-SECRET-OF-ROOT"

# Changes its name to something hostile, then faults. argv[1]: seconds to wait before.
HOSTILE = r"""
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(int argc, char **argv) {
  prctl(PR_SET_NAME, "../\x1b[31m\n\"$x");
  if (argc > 1) usleep(atoi(argv[1]) * 1000);
  return *(volatile int *)0;
}
"""

# Two pages that its crashing thread points to. The texts are made at run time: they are not in the program's file.
HIDDEN = r"""
#include <string.h>
#include <sys/mman.h>
static char *page(const char *shifted) {
  char *at = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);  /* so that they are not one mapping */
  for (; *shifted; ++shifted, ++at) *at = *shifted - 1;
  return (char *)((unsigned long)at & ~4095ul);
}
int main(void) {
  char *volatile told = page("UPME.UP.BMM");
  char *volatile hidden = page("LFQU.UP.JUTFMG");
  madvise(hidden, 4096, MADV_DONTDUMP);
  return *(volatile int *)(told == hidden);
}
"""

LIBRARY = r"""
int fault(int *p) { return *p; }
"""
LOADER = r"""
#include <unistd.h>
#include <stdio.h>
int fault(int *p);
int main(void) { puts("ready"); fflush(stdout); char go; if (read(0, &go, 1) < 0) return 1; return fault(0); }
"""


class Attack(CollectorCase):
    def setUp(self):
        super().setUp()
        self.public = Path(tempfile.mkdtemp(prefix="inquest-attack-"))
        self.addCleanup(shutil.rmtree, self.public)
        os.chmod(self.public, 0o755)
        self.own = self.public / "own"  # the attacker may write here
        self.own.mkdir()
        os.chown(self.own, NOBODY, NOBODY)

    def compile(self, name, source, *flags):
        program = shutil.copy(e2e.compile_program(self.folder, name, source, "-g", *flags), self.public)
        os.chmod(program, 0o755)
        return program

    def as_nobody(self, *command, **options):
        return subprocess.run(command, user=NOBODY, group=NOBODY, extra_groups=[], cwd=self.own, **options)

    def everything_kept(self) -> str:
        """All that a reader is shown of all cases."""
        shown = [e2e.inquest("ls", "--json", "--vault", self.vault).out]
        for case in self.cases():
            shown.append(json.dumps(e2e.report(case["id"], "--full", "--vault", self.vault)))
            shown.append(e2e.inquest("show", case["id"], "--json", "--vault", self.vault).out)
        return "\n".join(shown)

    def exported(self, case: str) -> bytes:
        archive = self.folder / "case.tar.zst"
        done = e2e.inquest("export", case, "-o", archive, "--vault", self.vault)
        self.assertEqual(done.status, 0, done.err)
        return subprocess.run(["zstd", "-dc", archive], capture_output=True, check=True).stdout

    # --- 1. who crashed (CVE-2025-4598, CVE-2025-5054, CVE-2019-15790, CVE-2020-15702) ---

    def test_a_number_that_has_come_to_another_process_is_refused(self):
        """A process that does dump core, and the kernel's pidfd of another that has ended."""
        waiting = self.folder / "waiting"
        helper = self.folder / "helper"
        helper.write_text(f"#!/bin/sh\necho $$ > {waiting}.part; mv {waiting}.part {waiting}; exec sleep 60\n")
        helper.chmod(0o755)
        ended = subprocess.Popen(["sleep", "60"])
        pidfd = os.pidfd_open(ended.pid)
        ended.kill()
        ended.wait()
        PATTERN.write_text(f"|{helper} %P")
        victim = subprocess.Popen([self.program], cwd=self.folder)
        try:
            self.wait_for(waiting.exists)
            words = [victim.pid, victim.pid, 0, 0, 11, int(time.time()), 1]
            refused = e2e.inquest("collect", "--vault", self.vault, "--pipe", *words, pidfd, pass_fds=[pidfd])
            self.assertEqual(refused.status, 1)
            self.assertIn("not the one that dumps core", refused.err)
            self.assertEqual(self.cases(), [])
        finally:
            os.close(pidfd)
            if waiting.exists():
                os.kill(int(waiting.read_text()), signal.SIGKILL)
            victim.wait(60)

    # --- 2. what the user may read (CVE-2022-4415, CVE-2025-4598) ---

    def test_a_core_of_a_setuid_program_is_for_root_alone(self):
        dumpable = Path("/proc/sys/fs/suid_dumpable")
        before = dumpable.read_text()
        self.addCleanup(dumpable.write_text, before)
        dumpable.write_text("2")
        setuid = self.compile("setuid", HOSTILE)
        os.chmod(setuid, 0o4755)
        if os.statvfs(setuid).f_flag & os.ST_NOSUID:
            raise unittest.SkipTest("no setuid programs in the temporary directory")
        self.serve()
        # Twice: the second one slim.
        for _ in range(2):
            self.assertEqual(self.as_nobody(setuid).returncode, -signal.SIGSEGV)
        self.stop()
        self.assertEqual(len(self.cases()), 2)
        for case in self.cases():
            self.assertEqual(dict(case["labels"])["readable-by"], "root")
        for path in [self.vault, *self.vault.rglob("*")]:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
            self.assertEqual(path.stat().st_uid, 0, path)

    # --- 3. where is written (CVE-2015-1324, CVE-2019-11482, CVE-2020-8833, CVE-2025-5467) ---

    def test_nothing_is_written_where_the_victim_says(self):
        program = self.compile("hostile", HOSTILE)
        target = self.public / "target"
        target.write_text("untouched")
        for name in ("core", "slim", "report.json", "vault"):
            (self.own / name).symlink_to(target)
        elsewhere = {"HOME": str(self.own), "XDG_DATA_HOME": str(self.own), "XDG_CACHE_HOME": str(self.own),
                     "XDG_STATE_HOME": str(self.own), "INQUEST_VAULT": str(self.own / "planted"),
                     "TMPDIR": str(self.own)}
        before = sorted(self.own.rglob("*"))
        self.serve()
        self.assertEqual(self.as_nobody(program, env=elsewhere).returncode, -signal.SIGSEGV)
        self.stop()
        self.assertEqual(len(self.cases()), 1)
        self.assertEqual(sorted(self.own.rglob("*")), before)
        self.assertEqual(target.read_text(), "untouched")

    # --- 4. what is read (CVE-2019-7307, CVE-2019-11481, CVE-2021-25684, CVE-2021-32547 and those after it) ---

    def test_a_source_file_that_leads_to_a_file_of_root_is_not_shown(self):
        secret = self.public / "secret"
        secret.write_text(f"// {SECRET}\n" * 100)
        os.chmod(secret, 0o600)
        source = self.own / "fault.c"
        source.write_text(HOSTILE)
        program = self.own / "fault"
        subprocess.run([e2e.CC, "-g", "-O0", "-o", program, source], check=True, cwd=self.own)
        source.unlink()
        source.symlink_to(secret)
        os.utime(source, (1, 1), follow_symlinks=False)
        os.utime(secret, (1, 1))  # older than the program: its excerpt would be shown
        self.serve()
        self.assertEqual(self.as_nobody(program).returncode, -signal.SIGSEGV)
        self.stop()
        case, = self.cases()
        self.assertIn("main", case["title"])
        # Neither what the collector kept, nor what root is shown and hands on.
        self.assertNotIn(SECRET, self.everything_kept())
        self.assertNotIn(SECRET.encode(), self.exported(case["id"]))
        os.chmod(secret, 0o644)
        self.assertIn(SECRET, self.everything_kept(), "the attack leads nowhere: this test shows nothing")

    def test_a_pipe_in_the_place_of_a_library_holds_nobody(self):
        shared = self.own / "libfault.so"
        subprocess.run([e2e.CC, "-shared", "-fPIC", "-g", "-o", shared, "-xc", "-"], input=LIBRARY, text=True, check=True)
        program = self.own / "loader"
        subprocess.run([e2e.CC, "-g", "-o", program, "-xc", "-", "-xnone", shared, f"-Wl,-rpath,{self.own}"],
                       input=LOADER, text=True, check=True)
        self.serve()
        victim = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=NOBODY,
                                  group=NOBODY, extra_groups=[], cwd=self.own)
        self.assertEqual(victim.stdout.readline(), b"ready\n")
        for path in (shared, program):
            path.unlink()
            os.mkfifo(path)
        victim.communicate(b"x", timeout=60)
        self.assertEqual(victim.returncode, -signal.SIGSEGV)
        self.stop()
        case, = self.cases()
        self.assertEqual(case["signal"], signal.SIGSEGV)

    # --- 5. locks and sockets (CVE-2019-11485, CVE-2020-8831) ---

    def test_a_socket_where_others_may_write_is_refused(self):
        """And core_pattern stays as it was."""
        refused = e2e.inquest("collect", "--set-pattern", "--listen", self.own / "core.sock", "--vault", self.vault)
        self.assertEqual(refused.status, 1)
        self.assertIn("others may write there", refused.err)
        self.assertEqual(PATTERN.read_text(), self.before)

    # --- 6. names are hostile bytes (CVE-2021-25682, CVE-2021-25683, CVE-2025-12744) ---

    def test_names_arguments_and_paths_stay_text(self):
        program = self.compile("hostile", HOSTILE)
        strange = self.own / "a\x1b[2J;$(touch own)\n.."
        shutil.copy(program, strange)
        os.chmod(strange, 0o755)
        self.serve()
        arguments = ["0", "\x1b]0;title\x07", "../../../../etc", "$(touch /tmp/own)", b"\xff\xfe\x00\xfd"[:2], "x" * 70_000]
        self.assertEqual(self.as_nobody(strange, *arguments).returncode, -signal.SIGSEGV)
        self.stop()
        case, = self.cases()
        for command in (["ls"], ["show", case["id"]], ["explain", case["id"], "--full"], ["stats"]):
            shown = e2e.inquest(*command, "--vault", self.vault)
            self.assertEqual(shown.status, 0, shown.err)
            for control in ("\x1b", "\x07", "\x00"):
                self.assertNotIn(control, shown.out, command)
        self.assertNotIn("\x1b", self.log.read_text())
        self.assertFalse((self.own / "own").exists())
        inside = [path for path in self.vault.rglob("*") if not set(path.name) <= set("0123456789abcdefghijklmnopqrstuvwxyz.-_")]
        self.assertEqual(inside, [])

    # --- 7. the collector itself ---

    def test_a_crash_of_the_collector_does_not_come_back_to_it(self):
        self.serve()
        self.collector.send_signal(signal.SIGSEGV)
        self.assertEqual(self.collector.wait(30), -signal.SIGSEGV)
        self.collector = None
        # A crash meanwhile ends all the same, and the next collector takes over.
        self.assertEqual(self.crash().returncode, -signal.SIGSEGV)
        PATTERN.write_text(self.before)
        self.serve()
        self.assertEqual(self.crash().returncode, -signal.SIGSEGV)
        self.stop()
        self.assertEqual([Path(case["executable"]).name for case in self.cases()], ["fault"])

    # --- 9. secrets ---

    def test_a_slim_record_holds_nothing_that_is_not_to_be_dumped(self):
        program = self.compile("hidden", HIDDEN)
        for options in (("--full", "0"), ("--full", "1")):
            self.serve(*options)
            self.assertEqual(subprocess.run([program], cwd="/").returncode, -signal.SIGSEGV)
            self.stop()
        self.assertEqual(sorted(case["fidelity"] for case in self.cases()), ["full", "slim"])
        for case in self.cases():
            kept = self.exported(case["id"])
            self.assertIn(b"TOLD-TO-ALL", kept)
            self.assertNotIn(b"KEPT-TO-ITSELF", kept)

    def test_a_slim_record_holds_no_secret_of_the_environment(self):
        self.serve("--full", "0")
        secret = "hunter2-of-the-collector"
        self.crash(env=os.environ | {"SHOP_DB_PASSWORD": secret, "SHOP_COLOUR": "green-of-the-shop"})
        self.stop()
        case, = self.cases()
        self.assertEqual(case["fidelity"], "slim")
        self.assertNotIn(secret.encode(), self.exported(case["id"]))
        self.assertNotIn(secret, self.everything_kept())


class AttackOnASupervisor(unittest.TestCase):
    # --- 8. who asks to be captured ---

    def test_a_stranger_cannot_have_a_living_process_captured(self):
        """Connects to the supervisor's socket and speaks of the program under it."""
        with tempfile.TemporaryDirectory() as folder:
            supervisor = subprocess.Popen([e2e.INQUEST, "run", "--output", folder, "--", "sh", "-c",
                                           "echo $INQUEST_SUPERVISOR; echo $$; exec sleep 60"],
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=e2e.environment())
            address, pid = supervisor.stdout.readline().strip(), int(supervisor.stdout.readline())
            if not address:
                supervisor.kill()
                raise unittest.SkipTest("there is no handler to preload here")
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
                stranger.connect("\0" + address.removeprefix("@"))
                stranger.send(struct.pack("<IHHiiQQQII", 0x51514E49, 1, 48, pid, 11, 0, 0, 0, 0, 0))
                stranger.settimeout(5)
                self.assertEqual(stranger.recv(64), b"")
            self.assertEqual(os.waitid(os.P_PID, supervisor.pid, os.WEXITED | os.WNOHANG), None)
            self.assertIn("sleep", Path(f"/proc/{pid}/cmdline").read_text())
            supervisor.send_signal(signal.SIGTERM)
            _, err = supervisor.communicate(timeout=30)
            self.assertEqual(os.listdir(folder), [], err)


if __name__ == "__main__":
    e2e.main()
