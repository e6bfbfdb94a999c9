"""The Python package in processes that really die: what the log says, what they die of, who else gets the signal."""

import functools
import glob
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

import e2e

sys.path.insert(0, str(e2e.ROOT / "tools"))
import wheel as wheel_tool  # noqa: E402

STAGED = Path(e2e.INQUEST).resolve().parent.parent / "wheel"
SOURCES = Path(__file__).resolve().parent / "python"
WAYS = {
    "segv": (signal.SIGSEGV, "0x1"), "bus": (signal.SIGBUS, None), "ill": (signal.SIGILL, None),
    "fpe": (signal.SIGFPE, None), "overflow": (signal.SIGSEGV, None), "raised": (signal.SIGABRT, "sent"),
    "abort": (signal.SIGABRT, "sent"), "kill": (signal.SIGSEGV, "sent"), "ctypes": (signal.SIGSEGV, "0x10"),
}
BOUND = 9.0  # seconds; what the child's steps may take at most, and the start of the program on a busy machine


@functools.cache
def wheel() -> Path:
    return wheel_tool.write_wheel(STAGED, e2e.ROOT / "bindings/python/README.md", e2e.fresh("wheel"))


@functools.cache
def site() -> Path:
    """What installing the wheel puts into site-packages."""
    place = e2e.fresh("site")
    with zipfile.ZipFile(wheel()) as archive:
        archive.extractall(place)
    return place


@functools.cache
def interpreters() -> list[str]:
    """Debian's; with INQUEST_PYTHONS=all, every other CPython from 3.8 on that is installed here."""
    found = ["/usr/bin/python3"]
    if os.environ.get("INQUEST_PYTHONS") == "all":
        for path in sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python3"))):
            version = re.search(r"/(\d+)\.(\d+)[^/]*/bin", path)
            if version and (int(version[1]), int(version[2])) >= (3, 8):
                found.append(path)
    return found


@dataclass
class Death:
    status: int
    out: str
    err: str
    log: str
    seconds: float
    pid: int

    def stack(self, heading="Python stack:") -> list[tuple[str, int, str]]:
        """(file, line, function), as printed: innermost last."""
        lines = self.log.split("\n")
        if heading not in lines:
            return []
        begin = lines.index(heading)
        return frames(lines[begin + 1 : lines.index("", begin)])


def frames(lines) -> list[tuple[str, int, str]]:
    found = [re.match(r'\s*File "(.*)", line (\d+),? in (.*)', line) for line in lines]
    return [(os.path.basename(each[1]), int(each[2]), each[3]) for each in found if each]


def run(python, *arguments, env=None, prefix=()) -> Death:
    log = e2e.fresh("log") / "crash.log"
    variables = {"PATH": os.environ["PATH"], "HOME": str(e2e.work()), "PYTHONPATH": str(site()), "LOG": str(log),
                 "PYTHONDONTWRITEBYTECODE": "1"} | (env or {})
    begin = time.monotonic()
    with subprocess.Popen([*map(str, prefix), python, *map(str, arguments)], env=variables, text=True, cwd=log.parent,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))) as program:
        try:
            out, err = program.communicate(timeout=30)
        except subprocess.TimeoutExpired as late:
            program.kill()
            raise AssertionError(f"{arguments} does not end") from late
    text = log.read_text() if log.exists() else ""
    return Death(program.returncode, out, err, text, time.monotonic() - begin, program.pid)


class PythonTest(e2e.TestCase):
    def each(self):
        for python in interpreters():
            with self.subTest(python=python):
                yield python

    def dies(self, python, kind, *options, of=None, **more) -> Death:
        death = run(python, SOURCES / "app.py", kind, "enable", *options, **more)
        self.assertEqual(death.status, -(of or WAYS[kind][0]), death.err + death.log)
        self.assertLess(death.seconds, BOUND)
        self.assertNotRegex(death.log, r"hunter2|too long|ended by|not available")
        return death


class EachWayToDie(PythonTest):
    def test_signal_first_line_and_stack(self):
        for python in self.each():
            for kind, (number, address) in WAYS.items():
                with self.subTest(kind=kind):
                    death = self.dies(python, kind)
                    name = signal.Signals(number).name
                    rest = f"from PID {death.pid}" if address == "sent" else f"for address: {address or '0x[0-9a-f]+'}"
                    self.assertRegex(death.log.split("\n")[0], f"^PID {death.pid} received {name} {rest}$")
                    names = [function.split(".")[-1] for _, _, function in death.stack()]
                    self.assertEqual(names[:4], ["<module>", "main", "serve", "pay"])
                    self.assertEqual("stack overflow" in death.log, kind == "overflow")

    def test_frames_are_those_that_faulthandler_told(self):
        for python in self.each():
            for options in ((), ("thread",), ("async",)):
                with self.subTest(options=options):
                    death = self.dies(python, "segv", "told", *options)
                    told = frames(death.out.split("\n"))[::-1]
                    printed = death.stack()
                    self.assertEqual([(file, function.split(".")[-1]) for file, _, function in printed[: len(told)]],
                                     [(file, function) for file, _, function in told])
                    self.assertEqual([line for _, line, _ in printed[: len(told) - 1]], [line for _, line, _ in told[:-1]])
                    self.assertEqual(printed[len(told)][2], "pay")

    def test_source_lines(self):
        for python in self.each():
            self.assertIn("in pay\n    ways[KIND]()\n", self.dies(python, "segv").log)

    def test_native_frames(self):
        for python in self.each():
            log = self.dies(python, "segv").log
            self.assertRegex(log, r"Native stack:\n/.*/_inquest\.abi3\.so\(")
            self.assertIn("(_PyEval_EvalFrameDefault+0x", log)

    def test_inquest_explain_reads_the_text(self):
        log = e2e.fresh("log") / "crash.log"
        log.write_text(self.dies("/usr/bin/python3", "segv", "thread").log)
        answer = e2e.report(log)
        facts = answer["facts"]
        self.assertEqual((facts["signal"]["name"], facts["signal"]["address"]), ("SIGSEGV", "0x1"))
        self.assertIn("pay", e2e.functions(answer))
        self.assertEqual(sorted(thread["thread_name"] for thread in facts["others"]), ["MainThread", "sleeper"])

    def test_deep_recursion_is_cut(self):
        for python in self.each():
            death = self.dies(python, "segv", "deep")
            self.assertRegex(death.log, r"\(80\d calls before these\)")
            self.assertEqual(death.stack()[-1][2], "pay")


class WhatIsPrinted(PythonTest):
    def test_locals_are_guarded_and_redacted(self):
        for python in self.each():
            log = self.dies(python, "segv").log
            self.assertRegex(log, r"order = <__main__\.Order at 0x[0-9a-f]+: number=7, password=<redacted>, lines=\[1, 2, 3\]>")
            for line in ("token = <redacted>", "address = <redacted>", "huge = <int of 100001 bits>",
                         "nested = {'user': 'ada', 'api_key': <redacted>, 'more': [1, (2,), {3}]}"):
                self.assertIn(f"    {line}\n", log)
            self.assertRegex(log, r"text = 'x{100}'\.\.\.\n")
            self.assertNotIn("Locals", self.dies(python, "segv", "nolocals").log)

    def test_all_threads(self):
        for python in self.each():
            death = self.dies(python, "segv", "spin")
            self.assertRegex(death.log, r"\nThread 0x[0-9a-f]+ sleeper \(most recent call last\):\n")
            self.assertEqual(death.log.count("in spin\n"), 3)

    def test_crash_in_a_thread(self):
        for python in self.each():
            for kind in ("segv", "overflow"):
                death = self.dies(python, kind, "thread")
                self.assertEqual(death.stack()[-1][2], "pay")
                self.assertNotIn("(main)", death.log)
                self.assertRegex(death.log, r"Thread 0x[0-9a-f]+ MainThread")
                self.assertEqual("stack overflow" in death.log, kind == "overflow")

    def test_tasks_and_the_exception_being_handled(self):
        for python in self.each():
            log = self.dies(python, "segv", "async").log
            self.assertIn("Exception being handled: ValueError('inner', 3)\n", log)
            tasks = log[log.index("asyncio tasks:"):]
            self.assertRegex(tasks, r"  cleaner\n    File \".*app\.py\", line \d+, in background\n")

    def test_without_the_gil(self):
        for python in self.each():
            death = self.dies(python, "nogil", "spin", of=signal.SIGSEGV)
            self.assertIn("does not hold the GIL", death.log)
            self.assertIn("in pay\n", death.log)
            self.assertEqual(death.log.count("in spin\n"), 3)
            self.assertNotIn("Locals", death.log)

    def test_threads_that_want_the_gil_do_not_stop_it(self):
        for python in self.each():
            for _ in range(4):
                self.assertIn("Locals", self.dies(python, "segv", "spin", "thread").log)

    def test_stderr(self):
        for python in self.each():
            death = self.dies(python, "segv")
            self.assertIn(death.log, death.err)
            self.assertEqual(self.dies(python, "segv", "quiet").err, "")

    def test_child_by_fork(self):
        death = run("/usr/bin/python3", SOURCES / "app.py", "overflow", "enable", "fork")
        self.assertEqual(death.status, signal.SIGSEGV, death.log)
        self.assertIn("stack overflow", death.log)
        self.assertIn("in pay\n", death.log)


class OtherHandlers(PythonTest):
    def test_faulthandler_prints_after_us(self):
        for python in self.each():
            for kind in ("segv", "abort"):
                death = self.dies(python, kind, "faulthandler")
                self.assertLess(death.err.index("Python stack:"), death.err.index("Fatal Python error"))

    def test_faulthandler_that_is_enabled_later_prints_before_us(self):
        for python in self.each():
            for kind, address in (("segv", "0x1"), ("overflow", "0x[0-9a-f]+")):
                death = self.dies(python, kind, "later")
                self.assertLess(death.err.index("Fatal Python error"), death.err.index("Python stack:"))
                self.assertRegex(death.log, rf"^PID \d+ received SIGSEGV for address: {address}\n")
                self.assertIn("_inquest.abi3.so", death.log[death.log.index("Native stack:"):].split("\n")[1])

    def test_under_inquest_run(self):
        for options in ((), ("--trace",)):
            with self.subTest(options=options):
                records = e2e.fresh("records")
                death = run("/usr/bin/python3", SOURCES / "app.py", "segv", "enable", "faulthandler",
                            prefix=[e2e.INQUEST, "run", *options, "--output", records, "--"])
                self.assertEqual(death.status, 128 + signal.SIGSEGV, death.err)
                self.assertIn("1 crash seen, 1 recorded", death.err)
                self.assertEqual(len(list(records.glob("*.core.zst"))), 1)
                self.assertEqual(death.log.count("received SIGSEGV"), 1)
                self.assertIn("Locals", death.log)

    def test_core_is_that_of_the_fault(self):
        log = e2e.fresh("log") / "crash.log"
        core = e2e.crash("/usr/bin/python3", SOURCES / "app.py", "segv", "enable",
                         env={"PYTHONPATH": str(site()), "LOG": str(log), "PATH": os.environ["PATH"]})
        seen = e2e.report(core)["facts"]["signal"]
        self.assertEqual((seen["name"], seen["code_name"], seen["address"]), ("SIGSEGV", "SEGV_MAPERR", "0x1"))


class WaysToEnable(PythonTest):
    def test_command_line(self):
        for python in self.each():
            for arguments in ((SOURCES / "app.py", "segv"), ("-m", "app", "segv"),
                              ("-c", "import app, sys; app.main()", "segv")):
                log = e2e.fresh("log") / "x.log"
                death = run(python, "-m", "inquest", "--log", log, *arguments,
                            env={"PYTHONPATH": f"{site()}:{SOURCES}"})
                self.assertEqual(death.status, -signal.SIGSEGV, death.err)
                self.assertIn("in pay\n", log.read_text())

    def test_command_line_without_a_program(self):
        death = run("/usr/bin/python3", "-m", "inquest")
        self.assertEqual(death.status, 1)
        self.assertIn("usage", death.err)

    def test_pth(self):
        for python in self.each():
            # As site does with each .pth of site-packages.
            code = f"import site; site.addsitedir({str(site())!r}); import os; os.abort()"
            log = e2e.fresh("log") / "x.log"
            env = {"PYTHONPATH": "", "INQUEST_CRASH_LOG": str(log)}
            run(python, "-c", code, env=env | {"INQUEST_ENABLE": "0"})
            self.assertFalse(log.exists())
            run(python, "-c", code, env=env | {"INQUEST_ENABLE": "1"})
            self.assertIn("received SIGABRT", log.read_text())

    def test_wheel_installs(self):
        for python in interpreters()[1:]:
            place = e2e.fresh("venv")
            e2e.run_tool(python, "-m", "venv", place)
            e2e.run_tool(place / "bin/pip", "install", "--no-index", "--quiet", wheel())
            e2e.run_tool(place / "bin/python", "-c", "import inquest; inquest.enable(); assert inquest.is_enabled()")

    def test_record_of_the_wheel_is_right(self):
        with zipfile.ZipFile(wheel()) as archive:
            names = set(archive.namelist())
            name = next(each for each in names if each.endswith("/RECORD"))
            listed = {line.split(",")[0] for line in archive.read(name).decode().split()}
        self.assertEqual(names, listed)

    def test_needs_no_library(self):
        dynamic = subprocess.run(["readelf", "-d", site() / "inquest/_inquest.abi3.so"], capture_output=True, text=True)
        self.assertIn("SYMTAB", dynamic.stdout)
        self.assertNotIn("NEEDED", dynamic.stdout)


class Servers(PythonTest):
    """The recipes of docs/python-package.md."""

    def serve(self, command, **variables):
        log = e2e.fresh("log") / "crash.log"
        env = {"PATH": os.environ["PATH"], "HOME": str(e2e.work()), "LOG": str(log), "PYTHONPATH": str(site())} | variables
        program = subprocess.Popen([str(each) for each in command], env=env, cwd=SOURCES, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        self.addCleanup(self.end, program)
        return program, log

    def end(self, program):
        program.terminate()
        try:
            program.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            program.kill()
            program.communicate()

    def get(self, port, path) -> str | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.read().decode()
        except (OSError, urllib.error.URLError, ValueError):
            return None

    def until(self, condition, what):
        for _ in range(100):
            if condition():
                return
            time.sleep(0.1)
        self.fail(f"not within 10 s: {what}")

    def crashes_and_serves_on(self, command, **variables):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        program, log = self.serve([str(part).replace("PORT", str(port)) for part in command], **variables)
        self.until(lambda: self.get(port, "/"), "the server answers")
        self.get(port, "/crash")
        self.until(lambda: log.exists() and log.read_text().endswith("\n\n"), "the crash is reported")
        text = log.read_text()
        self.assertRegex(text, r"^PID \d+ received SIGSEGV for address: 0x1\n")
        self.assertNotEqual(int(text.split()[1]), program.pid)
        self.assertIn("in checkout\n", text)
        self.assertIn("    basket = ['socks', 'hat']\n", text)
        self.assertEqual(text.count("received"), 1)
        self.until(lambda: self.get(port, "/"), "the next worker answers")

    def test_gunicorn(self):
        e2e.need("gunicorn")
        configuration = e2e.fresh("gunicorn") / "gunicorn.conf.py"
        configuration.write_text('import os\nimport inquest\n\ninquest.enable(os.environ["LOG"])\n')
        for worker in (["-k", "sync"], ["-k", "gthread", "--threads", "4"]):
            with self.subTest(worker=worker):
                self.crashes_and_serves_on(["gunicorn", "-c", configuration, "-b", "127.0.0.1:PORT", "-w", "2", *worker,
                                            "wsgi:application"])

    def test_gunicorn_takes_sigabrt_for_itself(self):
        """abort() in a worker is a crash; the SIGABRT by which the arbiter ends a slow worker is not, and does what it did."""
        e2e.need("gunicorn")
        configuration = e2e.fresh("gunicorn") / "gunicorn.conf.py"
        configuration.write_text(
            'import os\nimport inquest\n\ninquest.enable(os.environ["LOG"])\n\n\n'
            'def post_worker_init(worker):\n    inquest.enable(os.environ["LOG"])\n\n\n'
            'def worker_abort(worker):\n    open(os.environ["LOG"] + ".hook", "w").close()\n')
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        _, log = self.serve(["gunicorn", "-c", configuration, "-b", f"127.0.0.1:{port}", "-t", "3", "wsgi:application"])
        self.until(lambda: self.get(port, "/"), "the server answers")
        self.get(port, "/sleep")
        self.until(lambda: log.with_suffix(".log.hook").exists(), "the slow worker is ended by its own handler")
        self.until(lambda: self.get(port, "/"), "the next worker answers")
        self.assertFalse(log.exists(), "a worker that was too slow is no crash")
        self.get(port, "/abort")
        self.until(lambda: log.exists() and log.read_text().endswith("\n\n"), "the abort is reported")
        self.assertRegex(log.read_text(), r"^PID (\d+) received SIGABRT from PID \1\n")
        self.assertIn("in application\n", log.read_text())
        self.assertEqual(log.read_text().count("received"), 1)
        self.until(lambda: self.get(port, "/"), "the next worker answers")

    def test_a_handler_in_python_goes_first(self):
        """For what was sent; once it has come back a fault is a fault."""
        script = """if True:
            import os, signal, inquest
            signal.signal(signal.SIGABRT, lambda *_: print("handled", flush=True))
            inquest.enable()
            os.kill(os.getpid(), signal.SIGABRT)
            print("alive", flush=True)
            inquest.cause_segfault()"""
        death = subprocess.run(["/usr/bin/python3", "-c", script], env={"PYTHONPATH": str(site())}, capture_output=True, text=True)
        self.assertEqual((death.returncode, death.stdout), (-signal.SIGSEGV, "handled\nalive\n"), death.stderr)
        self.assertNotIn("SIGABRT", death.stderr)
        self.assertIn("received SIGSEGV", death.stderr)

    def test_gunicorn_by_environment(self):
        e2e.need("gunicorn")
        log = e2e.fresh("log") / "x.log"
        site_customisation = e2e.fresh("customised")
        (site_customisation / "sitecustomize.py").write_text(f"import site; site.addsitedir({str(site())!r})\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.serve(["gunicorn", "-b", f"127.0.0.1:{port}", "wsgi:application"], INQUEST_ENABLE="1", INQUEST_CRASH_LOG=str(log),
                   PYTHONPATH=str(site_customisation))
        self.until(lambda: self.get(port, "/"), "the server answers")
        self.get(port, "/crash")
        self.until(lambda: log.exists() and "in checkout\n" in log.read_text(), "the crash is reported")

    def test_uwsgi(self):
        if shutil.which("uwsgi") is None or not os.path.exists("/usr/lib/uwsgi/plugins/python3_plugin.so"):
            self.skipTest("uwsgi with its plugin for Python is not installed")
        common = ["uwsgi", "--plugin", "python3", "--http-socket", "127.0.0.1:PORT", "--master", "--processes", "2",
                  "--module", "wsgi:application", "--die-on-term"]
        for more in ([], ["--enable-threads", "--lazy-apps"]):
            with self.subTest(more=more):
                self.crashes_and_serves_on([*common, *more], ENABLE_IN_APPLICATION="1")


if __name__ == "__main__":
    e2e.main()
