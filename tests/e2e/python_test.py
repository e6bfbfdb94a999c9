"""Python frames: what inquest reads from the core of a dead interpreter, against what its own faulthandler printed.

Tried with the system's python3 and with each interpreter of pyenv that runs; PYTHONS names others, with colons between.
"""

import functools
import os
import re
import resource
import shutil
import subprocess
import unittest
from dataclasses import dataclass
from pathlib import Path

import e2e

# Calls through C and back (map, sorted, sum), a generator, a lambda, a comprehension, a method, a call over several
# lines, names that are not ASCII, a second thread, and a crash in the middle of it.
PROGRAM = '''\
import ctypes, faulthandler, gc, sys, threading, time
faulthandler.enable()

class Worker:
    def __init__(self):
        self.ready = threading.Event()

    def run(self):
        self.wait(lambda: self.ready.set())

    def wait(self, tell):
        tell()
        while True:
            time.sleep(
                1000)

def squares(n):
    for i in range(n):
        yield größe(i)

def größe(i):
    return list(map(lambda x: crash(
        x,
        i), [1]))

def crash(x, i):
    kept = [k for k in range(3)]
    return ctypes.string_at(x - 1)

class Order:
    def quote(self):
        return sum(len(s) for s in squares(2))

class Waste:
    def __del__(self):
        crash(1, 0)

def collect():
    waste = Waste()
    waste.itself = waste
    del waste
    gc.collect()

def deliver():
    ctypes.PyDLL(sys.argv[2]).late(None)

def down(n):
    if n == 0:
        return crash(1, 0)
    return sorted([n, n], key=lambda v: down(n - 1))

def main():
    worker = Worker()
    thread = threading.Thread(target=worker.run)
    thread.daemon = True
    thread.start()
    worker.ready.wait()
    if sys.argv[1] == "collect":
        collect()
    elif sys.argv[1] == "late":
        deliver()
    elif sys.argv[1] == "down":
        down(LEVELS)
    else:
        sorted([3, 1], key=lambda v: Order().quote())

if __name__ == "__main__":
    main()
'''


LEVELS = 100
PROGRAM = PROGRAM.replace("LEVELS", str(LEVELS))


# A native module that crashes with an exception set, as those do that forget to check.
LATE = r"""
extern void *PyExc_ValueError;
void PyErr_SetString(void *type, const char *message);

int late(const int *orders) {
  PyErr_SetString(PyExc_ValueError, "too late");
  return *orders;
}
"""


def runs(python: Path) -> bool:
    try:
        return subprocess.run([python, "-c", "import ctypes, faulthandler"], capture_output=True, timeout=30,
                              env=e2e.environment()).returncode == 0
    except OSError:
        return False


def interpreters() -> list[Path]:
    named = [Path(path) for path in os.environ.get("PYTHONS", "").split(":") if path]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [Path("/usr/bin/python3"), *sorted(pyenv.glob("versions/3.*/bin/python3"))]
    return [python for python in named or found if runs(python)]


PYTHONS = interpreters()


@dataclass
class Death:
    record: Path  # slim, of `inquest run`
    core: Path | None  # the kernel's, where it writes one
    threads: dict[int, list[tuple]]  # frames as faulthandler told them, the crashed thread's under 0

    def whole(self) -> Path:
        if self.core is None:
            raise unittest.SkipTest("this machine writes no cores: see /proc/sys/kernel/core_pattern and ulimit -Hc")
        return self.core


def lonely(python: Path, directory: Path) -> tuple[Path, dict[str, str]]:
    """A copy of the interpreter and its library in `directory`, and the environment in which it runs from there."""
    program, prefix, library = subprocess.run(
        [python, "-c", "import os, sys, sysconfig\nprint(os.path.realpath(sys.executable))\nprint(sys.base_prefix)\n"
         "get = sysconfig.get_config_var\n"
         "print(os.path.join(get('LIBDIR'), get('INSTSONAME')) if get('Py_ENABLE_SHARED') else '')"],
        capture_output=True, text=True, check=True, env=e2e.environment()).stdout.splitlines()
    for file in filter(None, [program, library]):
        shutil.copy(file, directory)
    return directory / Path(program).name, {"LD_LIBRARY_PATH": str(directory), "PYTHONHOME": prefix}


@functools.cache
def late() -> Path:
    return e2e.compile_program(e2e.fresh("late"), "late", LATE, "-g", "-shared", "-fPIC")


@functools.cache
def death(python: Path, way: str = "", without_file: bool = False) -> Death:
    directory = e2e.fresh("python")
    log, shop, start = (directory / name for name in ("told.txt", "shop.py", "start.py"))
    shop.write_text(PROGRAM)
    # faulthandler writes to a file, which outlives the process.
    start.write_text(
        f"import faulthandler\nlog = open({str(log)!r}, 'w')\nenable = faulthandler.enable\n"
        "faulthandler.enable = lambda: enable(log)\n"
        f"exec(compile(open({str(shop)!r}, encoding='utf-8').read(), {str(shop)!r}, 'exec'))\n")
    copies = e2e.fresh("interpreter")
    program, extra = lonely(python, copies) if without_file else (python, {})
    done = subprocess.run(
        [e2e.INQUEST, "run", "--trace", "--kernel-core", "--output", str(directory / "records"), "--",
         str(program), str(start), way, str(late())],
        cwd=directory, env=e2e.environment(**extra), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
    shutil.rmtree(copies)
    records = list(directory.glob("records/*.core.zst"))
    if len(records) != 1:
        raise AssertionError(f"{len(records)} records of {python}: {done.stderr[-2000:]}")
    return Death(records[0], next(directory.glob("core*"), None), told(log.read_text()))


def told(text: str) -> dict[int, list[tuple]]:
    threads: dict[int, list[tuple]] = {}
    for block in re.split(r"\n(?=(?:Current thread|Thread) 0x)", text):
        if head := re.match(r"(Current thread|Thread) 0x", block):
            frames = re.findall(r'File "(.*?)", line (\d+) in (.*)', block)
            threads[0 if head[1] == "Current thread" else len(threads) + 1] = [
                (file, int(line), name) for file, line, name in frames]
    return threads


def frames_of(stack: dict) -> list[dict]:
    """The Python frames of a stack, innermost first, in place and apart."""
    merged = [inner for frame in stack.get("frames", []) for inner in frame.get("runtime_frames", [])]
    return merged + stack.get("runtime", {}).get("apart", [])


def plain(stack: dict) -> list[tuple]:
    """As faulthandler tells them: names without what they are defined in, ASCII only."""
    return [(frame.get("file", ""), frame["line"], escaped(frame.get("function", "").rsplit(".", 1)[-1]))
            for frame in frames_of(stack)]


def escaped(name: str) -> str:
    return name.encode("ascii", "backslashreplace").decode()


class Frames(e2e.TestCase):
    def each(self, check) -> None:
        if not PYTHONS:
            self.skipTest("no python3 with ctypes runs here")
        for python in PYTHONS:
            with self.subTest(python=str(python)):
                check(python)

    def check_against(self, evidence: Path, threads: dict[int, list[tuple]], *options) -> dict:
        answer = e2e.report(evidence, *options)
        facts = answer["facts"]
        self.assertEqual(plain(facts["crashing"]), threads[0])
        others = [plain(stack) for stack in facts.get("others", []) if "runtime" in stack]
        self.assertCountEqual(others, [frames for number, frames in threads.items() if number])
        return answer

    def test_all_threads_are_as_faulthandler_told_them(self):
        self.each(self.check_threads)

    def check_threads(self, python: Path) -> None:
        dead = death(python)
        self.assertEqual(len(dead.threads), 2)
        answer = self.check_against(dead.record, dead.threads)
        facts = answer["facts"]
        for stack in [facts["crashing"], *facts["others"]]:
            self.assertNotIn("apart", stack["runtime"], "the two stacks did not fit")
            self.assertNotIn("notes", stack["runtime"])
        self.assertTrue(facts["crashing"]["runtime"]["holds_lock"])
        self.assertFalse(facts["others"][0]["runtime"]["holds_lock"])
        self.assertNotIn("garbage", str(facts["other"]))
        # The innermost that is the program's own, not ctypes.
        self.assertEqual(facts["user_runtime_frame"]["function"], "crash")
        self.assertIn("shop.py:%d" % e2e.line_of(PROGRAM, "return ctypes"),
                      " ".join(answer["verdict"]["next_steps"]))

    def test_they_stand_in_place_of_the_loop_that_runs_them(self):
        self.each(self.check_places)

    def check_places(self, python: Path) -> None:
        record = death(python).record
        for style, first in [((), "\n  #"), (("--markdown",), "\n#"), (("--html",), "<tr")]:
            text = e2e.explain(record, "--full", *style).out
            start = text.index(first, text.index("Crashing thread"))
            natively = text.index("PyCFuncPtr_call", start)
            in_python = re.compile(r"[ >]crash[ <]").search(text, start)
            self.assertGreater(in_python.start(), natively, style)
            self.assertIn("größe", text)
        # Without --full the loop is left out where its Python frames are told.
        short = e2e.explain(record).out
        self.assertNotIn("_PyEval_EvalFrameDefault", short[short.index("Crashing thread"):])

    def test_the_slim_record_tells_what_the_full_core_tells(self):
        self.each(self.check_record)

    def check_record(self, python: Path) -> None:
        dead = death(python)
        slim, full = ([(stack["tid"], frames_of(stack), stack.get("runtime"))
                       for stack in [facts["crashing"], *facts["others"]]]
                      for facts in (e2e.report(evidence)["facts"] for evidence in (dead.record, dead.whole())))
        self.assertGreater(len(full[0][1]), 5)
        self.assertEqual(slim, full)

    def test_a_deep_recursion_through_c_fits(self):
        self.each(self.check_recursion)

    def check_recursion(self, python: Path) -> None:
        facts = e2e.report(death(python, "down").record)["facts"]
        # string_at; crash; down(0), then a lambda and down for each level; main and two modules.
        self.assertEqual(facts["crashing"]["runtime"]["total_frames"], 2 + 1 + 2 * LEVELS + 3)
        self.assertNotIn("apart", facts["crashing"]["runtime"])
        names = [frame.get("function") for frame in frames_of(facts["crashing"])]
        self.assertEqual((names[:3], names[-3:]), (["string_at", "crash", "down"], ["main", "<module>", "<module>"]))

    def test_the_collector_is_told_of(self):
        self.each(self.check_collector)

    def check_collector(self, python: Path) -> None:
        dead = death(python, "collect")
        answer = self.check_against(dead.record, dead.threads)
        if answer["facts"]["runtimes"][0]["name"] != "CPython 3.6":  # which keeps that to itself
            self.assertIn("garbage collector was running", str(answer["facts"]["other"]))

    def test_a_native_module_comes_first_with_the_exception_that_it_had_set(self):
        self.each(self.check_late)

    def check_late(self, python: Path) -> None:
        dead = death(python, "late")
        answer = self.check_against(dead.record, dead.threads)
        self.assertEqual(answer["facts"]["crashing"]["runtime"]["exception"], "ValueError: too late")
        place = answer["verdict"]["place"]
        self.assertEqual((place["function"], place["line"]), ("late", e2e.line_of(LATE, "return *orders")))
        first, second = answer["verdict"]["next_steps"][:2]
        self.assertIn("late.c:", first)
        self.assertIn("(deliver): the Python code that led there", second)

    def test_without_the_interpreters_file_its_data_is_searched(self):
        self.each(self.check_search)

    def check_search(self, python: Path) -> None:
        dead = death(python, without_file=True)
        answer = self.check_against(dead.whole(), dead.threads, "--no-cache")
        self.assertIn("in the data of", answer["facts"]["runtimes"][0]["found_by"])


if __name__ == "__main__":
    e2e.main()
