"""The handler built for AArch64 and run in qemu-user: the same signals, the same rules about symbols."""

import functools
import os
import signal
import subprocess
import tomllib
import unittest
from pathlib import Path

import e2e
from handler_case import INCLUDE, SOURCES
from handler_supervisor import ON_ALTERNATE_STACK, Supervisor

COMPILER, SYSROOT = "aarch64-linux-gnu-gcc", "/usr/aarch64-linux-gnu"
ROOM = e2e.ROOT / "src/capture/handler"


@functools.cache
def built() -> tuple[Path, Path]:
    """The preload object and the program that dies; beside it the one that has handlers."""
    e2e.need(COMPILER, "qemu-aarch64")
    directory = e2e.fresh("aarch64")
    e2e.run_tool(COMPILER, "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", "-fPIC", "-ffreestanding", "-fno-builtin",
                 "-fno-stack-protector", "-fvisibility=hidden", "-mno-outline-atomics", "-Wall", "-Wextra", "-Werror",
                 f"-I{e2e.ROOT / 'src'}", f"-I{INCLUDE}", "-c", *sorted(ROOM.glob("*.c")), cwd=directory)
    e2e.run_tool(COMPILER, "-shared", "-nostdlib", f"-Wl,--version-script={ROOM / 'preload.map'}", "-o", "preload.so",
                 *sorted(directory.glob("*.o")), cwd=directory)
    e2e.run_tool(COMPILER, "-g", "-O0", "-w", "-pthread", "-o", "die", SOURCES / "die.c", cwd=directory)
    e2e.run_tool(COMPILER, "-g", "-O0", "-w", "-pthread", "-o", "handlers", SOURCES / "handlers.c", cwd=directory)
    return directory / "preload.so", directory / "die"


def run(*arguments: str, environment: dict[str, str], program="die") -> subprocess.CompletedProcess:
    preload, die = built()
    command = ["qemu-aarch64", "-L", SYSROOT, "-E", f"LD_PRELOAD={preload}", die.with_name(program), *arguments]
    return subprocess.run([str(part) for part in command], env={"PATH": os.environ["PATH"], **environment},
                          capture_output=True, timeout=60, cwd=e2e.work(), check=False)


class AArch64(unittest.TestCase):
    def test_signals(self):
        for how, number in (("SEGV", signal.SIGSEGV), ("ILL", signal.SIGILL), ("TRAP", signal.SIGTRAP),
                            ("ABRT", signal.SIGABRT), ("BUS", signal.SIGBUS), ("overflow", signal.SIGSEGV)):
            for where in ("main", "worker", "storm"):
                with self.subTest(how=how, where=where), Supervisor() as listening:
                    done = run(how, where, environment=listening.environment)
                    self.assertEqual((done.returncode, listening.errors), (-number, []))
                    self.assertEqual([(crash.signal, crash.flags) for crash in listening.crashes],
                                     [(number, ON_ALTERNATE_STACK)])
                    if how == "SEGV":
                        self.assertEqual((listening.crashes[0].code, listening.crashes[0].address), (1, 0x1234))

    def test_programs_with_handlers(self):
        for mode in ("mends", "jumps", "jumps-abort", "ignores", "holds", "returns", "asks", "deep", "deep-onstack"):
            with self.subTest(mode=mode), Supervisor() as listening:
                self.assertEqual(run(mode, program="handlers", environment=listening.environment).returncode, 0)
                self.assertEqual(listening.crashes, [])
        # qemu 7.2 takes a fault's siginfo that is queued again for a fault of its own, and stops: 127.
        for mode, again in (("default", False), ("restores", False), ("resethand", False), ("faults", False),
                            ("raises", True), ("plain", True), ("chains", True), ("reports", True)):
            with self.subTest(mode=mode), Supervisor() as listening:
                done = run(mode, program="handlers", environment=listening.environment)
                self.assertIn(done.returncode, (-11, 127) if again else (-11,))
                self.assertEqual([(crash.signal, crash.code) for crash in listening.crashes], [(11, 1)])
        with Supervisor() as listening:
            done = run("abort-returns", program="handlers", environment=listening.environment)
            self.assertEqual((done.returncode, [crash.signal for crash in listening.crashes]), (-6, [6]))

    def test_record(self):
        directory = e2e.fresh("records")
        self.assertEqual(run("SEGV", "worker", environment={"INQUEST_RECORD_DIR": str(directory)}).returncode, -signal.SIGSEGV)
        answer = e2e.report(next(directory.iterdir()))
        self.assertEqual(e2e.functions(answer)[:2], ["fault", "dying"])

    def test_rules_about_symbols(self):
        objects = sorted(built()[0].parent.glob("*.o"))
        rules = tomllib.loads((ROOM / "symbols.toml").read_text(encoding="utf-8"))
        self.assertGreater(len(objects), len(rules["signal_safe"]))
        done = subprocess.run(["/usr/bin/python3", e2e.ROOT / "tools/check_symbols.py", ROOM / "symbols.toml", *objects],
                              env={"NM": "aarch64-linux-gnu-nm", "PATH": os.environ["PATH"]}, capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    e2e.main()
