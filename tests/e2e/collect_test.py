"""inquest collect on the real kernel: its coredump socket, its pipe, storms, and those who try to fool it.

core_pattern is the whole machine's: these tests run alone, put it back, and are skipped where it cannot be set.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import e2e
from collector_case import PATTERN, CollectorCase

STORM = int(os.environ.get("INQUEST_STORM", "40"))


class Collect(CollectorCase):
    def test_the_first_is_kept_in_full_the_next_slim_and_both_are_explained_alike(self):
        self.serve("--slim", "1")
        for _ in range(3):
            self.assertEqual(self.crash().returncode, -signal.SIGSEGV)
        self.stop()
        cases = sorted(self.cases(), key=lambda case: case["time"])
        self.assertEqual(sorted(case["fidelity"] for case in cases), ["full", "slim"])
        self.assertEqual({case["signature"] for case in cases}.__len__(), 1)
        self.assertEqual(self.stats()["counted"], 1)
        for case in cases:
            answer = e2e.report(case["id"], "--vault", self.vault)
            self.assertEqual(e2e.top(answer)["class"], "null-member-access")
            self.assertIn("o->next", e2e.top(answer)["sentence"])

    def test_the_pattern_comes_back_when_the_collector_ends(self):
        self.serve()
        self.stop()
        self.assertEqual(PATTERN.read_text(), self.before)

    def test_none_of_a_storm_goes_uncounted(self):
        self.serve("--slim", "5")
        children = [subprocess.Popen([self.program, "300000"], cwd=self.folder) for _ in range(STORM)]
        for child in children:
            self.assertEqual(child.wait(60), -signal.SIGSEGV)
        self.stop()
        cases, stats = self.cases(), self.stats()
        self.assertEqual(len(cases) + stats["counted"], STORM, self.log.read_text())
        self.assertEqual(stats["lost"], 0)
        self.assertEqual(sum(case["fidelity"] == "full" for case in cases), 1)

    def lose_a_core(self):
        ours = PATTERN.read_text()
        PATTERN.write_text(f"@@{self.folder}/nobody-listens-here")
        self.crash()
        PATTERN.write_text(ours)
        self.wait_for(lambda: "lost in the kernel" in self.log.read_text())

    def test_a_core_that_the_kernel_drops_is_counted_as_lost(self):
        self.serve()
        self.lose_a_core()
        self.stop()
        self.assertGreaterEqual(self.stats()["counted"], 1)

    def test_the_rights_that_the_systemd_unit_leaves_are_enough(self):
        """Also where the kernel's log is closed to others, as Debian has it."""
        e2e.need("setpriv")
        unit = (Path(__file__).parents[2] / "packaging" / "systemd" / "inquest-collect.service").read_text()
        line, = [line for line in unit.splitlines() if line.startswith("CapabilityBoundingSet=")]
        rights = ["+" + right.removeprefix("CAP_").lower() for right in line.partition("=")[2].split()]
        restrict = Path("/proc/sys/kernel/dmesg_restrict")
        self.addCleanup(restrict.write_text, restrict.read_text())
        restrict.write_text("1")
        self.serve(prefix=("setpriv", "--bounding-set", ",".join(["-all", *rights]), "--inh-caps", "-all"))
        self.crash()
        self.lose_a_core()
        self.stop()
        case, = self.cases()
        self.assertEqual(case["fidelity"], "full")
        self.assertIn("died of SIGSEGV", self.log.read_text())  # so it was explained

    def test_a_process_that_does_not_die_is_turned_away(self):
        self.serve()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(self.socket))
            client.sendall(b"\x10\0\0\0\x10\0\0\0\x0f\0\0\0\0\0\0\0")
            try:
                self.assertEqual(client.recv(16), b"")
            except ConnectionResetError:
                pass
        self.stop()
        self.assertEqual(self.cases(), [])
        self.assertIn("does not dump core", self.log.read_text())

    def test_the_vault_is_closed_to_others(self):
        self.serve()
        with tempfile.TemporaryDirectory() as open_to_all:
            os.chmod(open_to_all, 0o755)
            program = shutil.copy(self.program, open_to_all)
            self.assertEqual(subprocess.run([program], user=65534, cwd="/").returncode, -signal.SIGSEGV)
        self.stop()
        self.assertEqual(len(self.cases()), 1)
        self.assertEqual(self.vault.stat().st_mode & 0o777, 0o700)
        labels = dict(self.cases()[0].get("labels", []))
        self.assertIn(labels.get("readable-by"), ("user", "root"))

    def test_a_crash_in_another_pid_namespace_is_attributed(self):
        e2e.need("unshare")
        self.serve()
        done = subprocess.run(["unshare", "-pf", self.program], cwd=self.folder, capture_output=True)
        if b"Operation not permitted" in done.stderr:
            raise unittest.SkipTest("no new pid namespaces here")
        self.stop()
        self.assertIn("fault", [Path(case["executable"]).name for case in self.cases()])

    def test_a_long_dump_is_cut_at_the_dead_time_and_says_so(self):
        self.serve("--dead-time", "0")
        self.crash()
        self.stop()
        case, = self.cases()
        self.assertIn("longer than the process may be held", " ".join(case["reasons"]))
        self.assertEqual(e2e.top(e2e.report(case["id"], "--vault", self.vault))["class"], "null-member-access")

    def test_a_victim_killed_meanwhile_harms_nobody(self):
        self.serve()
        for delay in (0.0, 0.001, 0.002, 0.004):
            child = subprocess.Popen([self.program], cwd=self.folder)
            time.sleep(0.004 + delay)
            child.kill()
            child.wait()
        self.assertEqual(self.crash().returncode, -signal.SIGSEGV)
        self.stop()
        self.assertGreaterEqual(len(self.cases()) + self.stats()["counted"], 1)

    def test_the_pipe_takes_what_the_kernel_hands_over(self):
        # A shell in between gives the program its vault; the kernel starts programs with an empty environment.
        helper = self.folder / "helper"
        helper.write_text(f"#!/bin/sh\nexec {e2e.INQUEST} collect --vault {self.vault} --pipe \"$@\"\n")
        helper.chmod(0o755)
        PATTERN.write_text(f"|{helper} %P %i %u %g %s %t %d %F")
        self.assertEqual(self.crash().returncode, -signal.SIGSEGV)
        self.wait_for(lambda: self.vault.exists() and any(c["state"] == "complete" for c in self.cases()))
        case, = self.cases()
        self.assertEqual(case["fidelity"], "full")
        self.assertEqual(case["signal"], signal.SIGSEGV)

    def test_a_pid_that_does_not_dump_core_is_refused(self):
        with open(os.devnull, "rb") as nothing:
            run = e2e.inquest("collect", "--vault", self.vault, "--pipe", str(os.getpid()), "1", "0", "0", "11", "0",
                              "1", stdin=nothing)
        self.assertEqual(run.status, 1)
        self.assertIn("not the one that dumps core", run.err)
        self.assertEqual(self.cases(), [])

    def test_install_and_uninstall_change_and_put_back(self):
        before = self.before.strip()
        program = Path("/tmp/inquest-for-install")
        shutil.copy(e2e.INQUEST, program)
        self.addCleanup(program.unlink)
        kept = Path("/var/lib/inquest/core_pattern.before.json")
        if kept.exists():
            raise unittest.SkipTest("inquest is installed on this machine")
        dry = subprocess.run([program, "install", "--mode", "pipe", "--dry-run"], capture_output=True, text=True)
        self.assertIn(f"|{program} collect --pipe", dry.stdout)
        self.assertEqual(PATTERN.read_text().strip(), before)
        subprocess.run([program, "install", "--mode", "pipe"], check=True, capture_output=True)
        self.assertTrue(PATTERN.read_text().startswith(f"|{program} collect --pipe %P"))
        subprocess.run([program, "uninstall"], check=True, capture_output=True)
        self.assertEqual(PATTERN.read_text().strip(), before)
        self.assertFalse(kept.exists())


if __name__ == "__main__":
    unittest.main()
