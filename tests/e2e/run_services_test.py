"""Real services under `inquest run --restart`: each gets a real fault, answers again, and the crash is recorded and explained.

The services are those of bench/real_programs, which counts what the users lose. Those that are not installed are skipped.
"""

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

import e2e

sys.path.insert(0, str(e2e.ROOT / "bench/real_programs"))
import load  # noqa: E402
import services  # noqa: E402

PATIENCE = 120  # seconds; nothing here is about speed
USER = "nobody"


def parent_of(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


class NginxMaster(services.Nginx):
    """Its workers go on without it, and hold the port for good."""

    def fault(self, session):
        services.kill(session, "nginx: master process", oldest=True)


class ServiceCase(e2e.TestCase):
    def setUp(self):
        self.user = {}
        if os.geteuid() == 0:
            entry = pwd.getpwnam(USER)
            self.user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            e2e.work().chmod(0o755)

    def ask(self, *words, folder) -> dict:
        done = subprocess.run([e2e.INQUEST, *map(str, words), "--json"], capture_output=True, text=True, cwd=folder,
                              env=e2e.environment(HOME=str(folder)), **self.user)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def until(self, what, log):
        end = time.monotonic() + PATIENCE
        while not what():
            if time.monotonic() > end:
                self.fail(log.read_text(errors="replace")[-4000:])
            time.sleep(0.05)

    def dies_and_comes_back(self, kind, *options):
        folder = e2e.fresh(kind.name)
        if self.user:
            os.chown(folder, self.user["user"], self.user["group"])
        folder.chmod(0o755)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        service = kind(folder, port, 4, self.user)
        try:
            service.prepare()
            command = service.command()
        except services.Missing as missing:
            self.skipTest(str(missing))
        vault, log = folder / "vault", folder / "log"

        def answers():
            try:
                load.ask(service.protocol, port, seconds=2)
            except load.FAILURES:
                return False
            return True

        with open(log, "wb") as out:
            run = subprocess.Popen([e2e.INQUEST, "run", "--vault", str(vault), "--restart", *options, "--", *command],
                                   cwd=folder, env=e2e.environment(HOME=str(folder), PATH=services.PATH), start_new_session=True,
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=out, **self.user)
        try:
            self.until(answers, log)
            service.fill()
            service.fault(run.pid)
            self.until(answers, log)
            self.until(lambda: "crash recorded" in log.read_text(errors="replace"), log)
            self.after_the_fault(run, log)
            run.send_signal(service.stop)
            run.wait(PATIENCE)
        finally:
            for pid in services.processes(run.pid):
                os.kill(pid, signal.SIGKILL)
            run.wait()
        text = log.read_text(errors="replace")
        self.assertNotIn("pre-existing shared memory block", text)  # of postgres
        crashes = f"{service.crashes} crash{'es' if service.crashes > 1 else ''} seen, {service.crashes} recorded\n"
        self.assertIn(crashes, text)
        cases = self.ask("ls", "--vault", vault, folder=folder)["cases"]
        self.assertEqual(len(cases), service.crashes)
        for case in cases:
            report = self.ask("explain", "--vault", vault, case["id"], folder=folder)
            self.assertEqual(case["signal"], service.dies_of)
            if service.place:
                self.assertIn(service.place, report["verdict"]["place"]["function"])
            else:
                self.assertEqual(e2e.top(report)["class"], "killed-externally")

    def after_the_fault(self, run, log):
        self.assertIsNone(run.poll(), log.read_text(errors="replace"))

    def both_ways(self, kind):
        for options in ((), ("--trace",)):
            with self.subTest(options=options):
                self.dies_and_comes_back(kind, *options)


class Services(ServiceCase):
    def test_gunicorn(self):
        self.both_ways(services.Gunicorn)

    def test_the_master_of_gunicorn(self):
        self.both_ways(services.GunicornMaster)

    def test_node(self):
        self.both_ways(services.Node)

    def test_postgres(self):
        self.both_ways(services.Postgres)

    def test_the_postmaster(self):
        for options in ((), ("--trace",), ("--core=full",)):
            with self.subTest(options=options):
                self.dies_and_comes_back(services.Postmaster, *options)

    def test_redis(self):
        self.both_ways(services.Redis)

    def test_nginx(self):
        self.both_ways(services.Nginx)


class Leftovers(ServiceCase):
    """What an instance leaves behind keeps the next one from its port."""

    def after_the_fault(self, run, log):
        def family_is_whole():
            found = services.processes(run.pid)
            masters = {pid for pid, line in found.items() if line.startswith("nginx: master process")}
            workers = [pid for pid, line in found.items() if line.startswith("nginx: worker process")]
            return len(workers) == 2 and all(parent_of(pid) in masters for pid in workers)

        def failed():
            return "still could not bind" in log.read_text(errors="replace")

        self.until(lambda: failed() or family_is_whole(), log)
        self.assertFalse(failed(), log.read_text(errors="replace"))

    def test_the_master_of_nginx(self):
        self.both_ways(NginxMaster)


if __name__ == "__main__":
    e2e.main()
