"""What every end-to-end test needs: to make a program, to let it die for real, and to run inquest on what is left.

INQUEST names the program under test. Nothing outside the test's own directory is read as a cache or written: HOME and
XDG_CACHE_HOME lie in it, and DEBUGINFOD_URLS is unset.
"""

import atexit
import functools
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
INQUEST = os.environ.get("INQUEST", str(ROOT / "build/release/bin/inquest"))
SKIPPED = 77  # what ctest takes for "could not be tried here"
# Bounds on processor time are for an optimised build on a machine at rest; sanitizers need more.
SLOWNESS = float(os.environ.get("SLOWNESS", "2"))
CC, CXX, CLANG = "gcc-12", "g++-12", "clang-19"


@functools.cache
def work() -> Path:
    """This test program's own directory; gone when it ends."""
    path = Path(tempfile.mkdtemp(prefix="inquest-e2e-"))
    if not os.environ.get("KEEP"):
        atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def fresh(name: str) -> Path:
    """A new empty directory."""
    return Path(tempfile.mkdtemp(prefix=name + "-", dir=work()))


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            raise unittest.SkipTest(f"{program} is not installed")


# --- running inquest -------------------------------------------------------------------------------------------


@dataclass
class Run:
    status: int
    out: str
    err: str
    seconds: float
    cpu: float  # seconds of processor, which a busy machine hardly changes
    peak_mib: float  # of inquest and its worker, whichever was larger

    @property
    def report(self) -> dict:
        return json.loads(self.out)


def environment(**changes: str | None) -> dict[str, str]:
    """The environment inquest runs in; None takes a variable away."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR", "ASAN_OPTIONS") if key in os.environ}
    home = work() / "home"
    home.mkdir(exist_ok=True)
    merged = kept | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), **changes}
    return {key: value for key, value in merged.items() if value is not None}


def inquest(*arguments, stdin=None, env=None, cwd=None, timeout=60, **popen) -> Run:
    """Runs `inquest ARGUMENTS`. `stdin`: bytes are written to a pipe; a file object is handed over as it is."""
    command = [INQUEST, *map(str, arguments)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE if isinstance(stdin, bytes) else stdin or subprocess.DEVNULL,
            stdout=out, stderr=err, env=env or environment(), cwd=cwd or work(), **popen)
        killer = threading.Timer(timeout, process.kill)
        killer.start()
        if isinstance(stdin, bytes):
            try:
                process.stdin.write(stdin)
                process.stdin.close()
            except BrokenPipeError:
                pass
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Run(process.returncode, out.read().decode(errors="replace"), err.read().decode(errors="replace"),
                   seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def explain(core, *arguments, **options) -> Run:
    return inquest("explain", core, *arguments, **options)


def report(core, *arguments, **options) -> dict:
    """The JSON report on a core that must be explained."""
    run = explain(core, "--json", *arguments, **options)
    if run.status != 0:
        raise AssertionError(f"inquest explain {core}: exit {run.status}: {run.err}")
    return run.report


def top(answer: dict) -> dict:
    """The most likely hypothesis of a report."""
    return answer["verdict"]["hypotheses"][0]


def functions(answer: dict, stack: dict | None = None) -> list[str]:
    """The names of the crashing thread's functions, inlined ones included, innermost first."""
    frames = (stack or answer["facts"]["crashing"]).get("frames", [])
    return [function.get("short_name", "??") for frame in frames for function in frame["functions"]]


def missing(answer: dict) -> str:
    """All that a report says could not be read or was refused, and what to do about it."""
    return json.dumps(answer["facts"].get("missing", []), ensure_ascii=False)


def module(answer: dict, name: str) -> dict:
    found = [entry for entry in answer["facts"]["modules"] if entry["path"].rsplit("/", 1)[-1] == name]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} modules are named {name}")
    return found[0]


# --- programs --------------------------------------------------------------------------------------------------


def run_tool(*command, **options) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def compile_program(directory: Path, name: str, source: str, *flags, compiler: str = "", language: str = "c") -> Path:
    """Writes NAME.c (or .cc) into `directory` and builds NAME there."""
    suffix = {"c": ".c", "c++": ".cc"}[language]
    (directory / (name + suffix)).write_text(source)
    default = {"c": CC, "c++": CXX}[language]
    run_tool(compiler or default, *(flags or ("-g", "-O0")), "-o", name, name + suffix, cwd=directory)
    return directory / name


def build_id(path: Path) -> str:
    return re.search(r"Build ID: ([0-9a-f]+)", run_tool("readelf", "-n", path)).group(1)


def line_of(source: str, text: str) -> int:
    """The line, from 1, on which `text` first stands."""
    return source[: source.index(text)].count("\n") + 1


def crash(program, *arguments, env=None, core_limit=resource.RLIM_INFINITY, timeout=60, prefix=()) -> Path:
    """Runs a program that must die, in a new directory, and returns its core as the kernel wrote it.

    Where the kernel writes none (core_pattern leads elsewhere, a hard limit), gdb writes it at the moment of death.
    """
    directory = fresh("crash")
    command = [*map(str, prefix), str(program), *map(str, arguments)]

    def allow_core():
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (core_limit, resource.RLIM_INFINITY))
        except (ValueError, PermissionError):
            pass

    died = subprocess.run(command, cwd=directory, env=env, preexec_fn=allow_core, capture_output=True, timeout=timeout)
    if died.returncode >= 0 and not prefix:
        raise AssertionError(f"{program} did not die: exit {died.returncode}")
    cores = [path for path in directory.iterdir() if "core" in path.name]
    if cores:
        # An emulator leaves two: its guest's, named qemu_…, and its own.
        chosen = min(cores, key=lambda path: not path.name.startswith("qemu_"))
        return chosen.rename(directory / "core")
    if prefix or core_limit != resource.RLIM_INFINITY:
        raise unittest.SkipTest("this machine writes no cores: see /proc/sys/kernel/core_pattern and ulimit -Hc")
    return crash_under_gdb(program, *arguments)


def crash_under_gdb(program, *arguments) -> Path:
    """The core that gdb's generate-core-file writes of a program that just died under it."""
    need("gdb")
    core = fresh("gdb") / "core"
    subprocess.run(["gdb", "-batch", "-nx", "-ex", "run", "-ex", f"generate-core-file {core}", "--args",
                    str(program), *map(str, arguments)], capture_output=True, timeout=120, cwd=core.parent)
    if not core.exists():
        raise unittest.SkipTest("neither the kernel nor gdb could write a core on this machine")
    return core


# --- a crash that many tests share -----------------------------------------------------------------------------

SHOP = r"""
struct pricing { char name[0x38]; int cents; };
struct order { int quantity; struct pricing *pricing; };

__attribute__((noinline)) int quote(struct order *order) {
  return order->quantity * order->pricing->cents;
}

__attribute__((noinline)) int serve(struct order *order) {
  return quote(order) + 1;
}

int main(int argc, char **argv) {
  struct order order = {argc, 0};
  (void)argv;
  return serve(&order);
}
"""
SHOP_LINE = line_of(SHOP, "order->pricing->cents")


@functools.cache
def shop() -> tuple[Path, Path]:
    """A C program with debug information that reads a member of a null pointer, and its core."""
    program = compile_program(fresh("shop"), "shop", SHOP)
    return program, crash(program)


class TestCase(unittest.TestCase):
    longMessage = True

    def assert_explained(self, run: Run) -> None:
        self.assertEqual(run.status, 0, run.err)
        self.assertEqual(run.err, "")

    def assert_clear_error(self, run: Run, name: str) -> None:
        """Exit 1, nothing on stdout, and one line of a person's words that names the file."""
        self.assertEqual(run.status, 1, run.err or run.out[:300])
        self.assertEqual(run.out, "")
        lines = run.err.splitlines()
        self.assertEqual(len(lines), 1, run.err)
        self.assertTrue(lines[0].startswith("inquest: "), run.err)
        self.assertIn(name, lines[0])
        self.assertNotIn("bug of inquest", lines[0])

    def assert_shop(self, answer: dict) -> None:
        """The whole truth about shop(): class, expression, function and line."""
        self.assertEqual(top(answer)["class"], "null-member-access")
        self.assertEqual(top(answer)["expression"], "order->pricing")
        place = answer["verdict"]["place"]
        self.assertEqual((place["function"], place["line"]), ("quote", SHOP_LINE))
        self.assertEqual(functions(answer)[:3], ["quote", "serve", "main"])


def main() -> None:
    """Runs the tests of the calling file. Exit 77 when not one of them could be tried."""
    program = unittest.main(module="__main__", exit=False, verbosity=1)
    result = program.result
    for test, reason in result.skipped:
        print(f"skipped {test}: {reason}", file=sys.stderr)
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.testsRun > 0 and len(result.skipped) == result.testsRun else 0)
