"""Python frames: what inquest reads from the core of a dead interpreter, against what its own faulthandler printed.

Tried with the system's python3; with PYTHONS=all with each interpreter of pyenv that runs too. PYTHONS may also name
some, with colons between.
"""

import functools
import json
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


# Values of all kinds in one frame. Before it dies the program writes down what repr() says of them.
VALUES = '''\
import asyncio, ctypes, faulthandler, json, os, sys
faulthandler.enable()

class Plain:
    def __init__(self):
        self.one = 1
        self.two = 'two'

class Grown(Plain):
    def __init__(self):
        Plain.__init__(self)
        self.__dict__['three'] = 3.0
        del self.one

class Slots(object):
    __slots__ = ('x', 'y', 'unset')
    def __init__(self):
        self.x = 3
        self.y = [4]

class Base(Slots):
    __slots__ = ('z', '__dict__')
    def __init__(self):
        Slots.__init__(self)
        self.z = None
        self.w = b'w'

class Number(int):
    pass

class Account:
    def __init__(self):
        self.user = 'ann'
        self.password = 'hunter2'

def tell(names):
    told = {name: repr(value) for name, value in names.items() if name not in ('self', 'names')}
    with open(sys.argv[3], 'w') as file:
        json.dump(told, file)

def squares(n):
    for i in range(n):
        yield i * i

class Shop:
    def sell(self, what, *rest, price=5, **more):
        nothing, yes, no, dots, refused = None, True, False, ..., NotImplemented
        zero, small, negative, big, negative_big = 0, 7, -12, 2**100 + 7, -10**50
        edge, edge2, edge3 = 2**30, -2**60, 2**30 - 1
        floats = [1.5, 0.1, 1e300, 1e-7, 1/3, 1e6, 1e16, 123456789012345680.0, -0.0, 1e-4, 1e-5, 5e-324]
        strange = [float('inf'), float('-inf'), float('nan')]
        complexes = [1+2j, -0.5j, 2j, complex(-0.0, 1.0), complex(1e20, -3)]
        texts = ['plain', "it's", 'a "b" it\\'s', 'größe €uro \U0001F600', 'a\\nb\\x00\\x7f\\\\', '', '\\xad\\u2028']
        raw, array = b'bytes\\x00\\xff"\\'', bytearray(b'abc')
        empty, one, two, nested = (), (1,), (1, 'b'), [[1, 2], [(3,)], {}]
        table, hollow = {'k': 1, 2: 'v', None: [1], (1, 2): {}}, {}
        shrunk = dict.fromkeys(range(10), 'x')
        for key in range(7):
            del shrunk[key]
        single, frozen, bare, holes = {1}, frozenset([2]), set(), set(range(40))
        for key in range(39):
            holes.discard(key)
        shared, round_ = Plain().__dict__, []
        round_.append(round_)
        failure = ValueError('bad', 3)
        kept = 'cell'
        def closure():
            nonlocal kept
            kept += '!'
            return kept, never
        closure_type = type(closure)
        generator, coroutine, function = squares(3), inner(None), Plain.__init__
        next(generator)
        module = sys
        tell({name: value for name, value in locals().items() if name != 'module'})
        plain, grown, slots, base, number = Plain(), Grown(), Slots(), Base(), Number(5)
        account, settings = Account(), {'DB_PASSWORD': 'hunter2', 'name': 'x'}
        api_key, address, many = 'sesame', 'https://ann:hunter2@shop/x', list(range(1000))
        huge, long_text = 1 << 100000, 'x' * 5000
        gone = 3
        del gone
        if price == 6:
            never = 1
        ctypes.string_at(0)

async def inner(event):
    waited = 'inner'
    await event.wait()

class Awaitable:
    def __init__(self, event):
        self.event = event
    def __await__(self):
        return inner(self.event).__await__()

async def steps(event):
    yield 1
    await Awaitable(event)
    yield 2

async def outer(event):
    async for step in steps(event):
        pass

async def follow(task):
    await task

async def crash():
    ctypes.string_at(0)

async def main():
    loop = asyncio.get_event_loop()
    event = asyncio.Event()
    first = loop.create_task(outer(event))
    second = loop.create_task(follow(first))
    await asyncio.sleep(0.05)
    late = loop.create_task(follow(first))
    await crash()

if sys.argv[1] == 'values':
    Shop().sell('tea', 'a', 2, colour='red')
else:
    asyncio.set_event_loop(asyncio.new_event_loop())
    asyncio.get_event_loop().run_until_complete(main())
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
    if os.environ.get("PYTHONS") == "all":
        named = [Path("/usr/bin/python3"), *sorted(pyenv.glob("versions/3.*/bin/python3"))]
    return [python for python in named or [Path("/usr/bin/python3")] if runs(python)]


PYTHONS = interpreters()


@dataclass
class Death:
    record: Path  # slim, of `inquest run`
    core: Path | None  # the kernel's, where it writes one
    directory: Path
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
    for file in filter(os.path.exists, [program, library]):  # of a build that has both, the library may not be installed
        shutil.copy(file, directory)
    return directory / Path(program).name, {"LD_LIBRARY_PATH": str(directory), "PYTHONHOME": prefix}


@functools.cache
def late() -> Path:
    return e2e.compile_program(e2e.fresh("late"), "late", LATE, "-g", "-shared", "-fPIC")


@functools.cache
def death(python: Path, way: str = "", without_file: bool = False) -> Death:
    directory = e2e.fresh("python")
    log, shop, start = (directory / name for name in ("told.txt", "shop.py", "start.py"))
    shop.write_text(VALUES if way in ("values", "tasks") else PROGRAM)
    # faulthandler writes to a file, which outlives the process.
    start.write_text(
        f"import faulthandler\nlog = open({str(log)!r}, 'w')\nenable = faulthandler.enable\n"
        "faulthandler.enable = lambda: enable(log)\n"
        f"exec(compile(open({str(shop)!r}, encoding='utf-8').read(), {str(shop)!r}, 'exec'))\n")
    copies = e2e.fresh("interpreter")
    program, extra = lonely(python, copies) if without_file else (python, {})
    done = subprocess.run(
        [e2e.INQUEST, "run", "--trace", "--kernel-core", "--output", str(directory / "records"), "--",
         str(program), str(start), way, str(late()), str(directory / "values.json")],
        cwd=directory, env=e2e.environment(**extra), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
    shutil.rmtree(copies)
    records = list(directory.glob("records/*.core.zst"))
    if len(records) != 1:
        raise AssertionError(f"{len(records)} records of {python}: {done.stderr[-2000:]}")
    return Death(records[0], next(directory.glob("core*"), None), directory, told(log.read_text()))


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
            natively = text.index("ffi_call", start)
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

    def test_variables_are_told_as_repr_tells_them(self):
        self.each(self.check_values)

    def check_values(self, python: Path) -> None:
        dead = death(python, "values")
        facts = e2e.report(dead.record, "--full")["facts"]
        frame = next(frame for frame in frames_of(facts["crashing"]) if frame["function"].endswith("sell"))
        variables = {variable["name"]: variable for variable in frame["variables"]}
        told = json.loads((dead.directory / "values.json").read_text())
        self.assertGreater(len(told), 35)
        self.assertEqual({name: variables[name].get("text") for name in told}, told)
        self.assertEqual([name for name, variable in variables.items() if variable["is_argument"]],
                         ["self", "what", "price", "rest", "more"])
        texts = {name: variable.get("text", "<%s>" % variable.get("why_not")) for name, variable in variables.items()}
        for name, expected in [
                ("self", "Shop()"), ("plain", "Plain(one=1, two='two')"), ("grown", "Grown(two='two', three=3.0)"),
                ("slots", "Slots(x=3, y=[4])"), ("base", "Base(x=3, y=[4], z=None, w=b'w')"), ("number", "Number(5)"),
                ("account", "Account(user='ann', password=[scrubbed])"),
                ("settings", "{'DB_PASSWORD': [scrubbed], 'name': 'x'}"), ("api_key", "[scrubbed]"),
                ("address", "'https://ann:[scrubbed]@shop/x'"), ("gone", "<unbound>"), ("never", "<unbound>"),
                ("many", "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … 988 more]"), ("long_text", "'" + 120 * "x" + "'…")]:
            self.assertEqual(texts[name], expected, name)
        self.assertRegex(texts["huge"], r"^<int of about 1000\d\d bits>$")
        self.assertEqual(texts["module"], "<module 'sys'>")
        self.assertNotIn("hunter2", e2e.explain(dead.record, "--full").out)
        # Without --full only of the frame that matters.
        short = frames_of(e2e.report(dead.record)["facts"]["crashing"])
        self.assertEqual([frame["function"] for frame in short if "variables" in frame], [frame["function"]])

    def test_variables_in_the_slim_record_are_those_of_the_full_core(self):
        self.each(self.check_values_of_core)

    def check_values_of_core(self, python: Path) -> None:
        for way in ("values", "tasks", ""):
            dead = death(python, way)
            slim, full = ([(stack["tid"], frames_of(stack)) for stack in [facts["crashing"], *facts.get("others", [])]]
                          + facts.get("tasks", []) for facts in
                          (e2e.report(evidence, "--full")["facts"] for evidence in (dead.record, dead.whole())))
            self.assertIn("variables", str(slim))
            self.assertEqual(slim, full)

    def test_variables_of_a_record_need_no_file_of_the_interpreter(self):
        self.each(self.check_values_without_file)

    def check_values_without_file(self, python: Path) -> None:
        dead = death(python, "values", without_file=True)
        frame = next(frame for frame in frames_of(e2e.report(dead.record, "--full", "--no-cache")["facts"]["crashing"])
                     if frame["function"].endswith("sell"))
        texts = {variable["name"]: variable.get("text") for variable in frame["variables"]}
        told = json.loads((dead.directory / "values.json").read_text())
        self.assertEqual({name: texts[name] for name in told}, told)

    def test_tasks_tell_what_they_wait_for(self):
        self.each(self.check_tasks)

    def check_tasks(self, python: Path) -> None:
        dead = death(python, "tasks")
        facts = e2e.report(dead.record, "--full")["facts"]
        version = int(facts["runtimes"][0]["name"].split(".")[1])
        self.assertEqual(plain(facts["crashing"]), dead.threads[0])
        if version == 6:
            self.assertIn("tasks of asyncio: 3.6 keeps them where nothing leads to", str(facts["missing"]))
            return
        names = ["Task-1", "Task-2", "Task-3", "Task-4"] if version >= 8 else 4 * [""]
        told = {(task.get("name", ""), task["state"], task.get("awaits", "").split(" at ")[0]):
                [frame["function"].rsplit(".", 1)[-1] for frame in task.get("frames", [])] for task in facts["tasks"]}
        self.assertEqual(len(told), 4)
        waits = "task Task-2" if version >= 8 else "_asyncio.Task"
        self.assertEqual(told[names[1], "waiting", "_asyncio.Future"], ["wait", "inner", "steps", "outer"])
        self.assertEqual(told[names[2], "waiting", waits], ["follow"])
        self.assertEqual(told[names[3], "not started", ""], ["follow"])
        self.assertEqual(told[names[0], "running", ""], ["main"])
        inner = next(frame for task in facts["tasks"] for frame in task["frames"] if frame["function"].endswith("inner"))
        self.assertEqual(inner["line"], e2e.line_of(VALUES, "await event.wait()"))
        self.assertEqual([(v["name"], v["text"]) for v in inner["variables"] if v["name"] == "waited"],
                         [("waited", "'inner'")])
        text = e2e.explain(dead.record).out
        self.assertRegex(text, r"Tasks, 4\n")

    def test_py_list_shows_the_source_of_each_frame(self):
        self.each(self.check_list)

    def check_list(self, python: Path) -> None:
        record = death(python).record
        listed = e2e.inquest("py-list", record).out
        number = e2e.line_of(PROGRAM, "return ctypes")
        self.assertIn("shop.py:%d" % number, listed)
        self.assertIn("> %5d |     return ctypes.string_at(x - 1)" % number, listed)
        self.assertIn("  %5d |     kept = [k for k in range(3)]" % (number - 1), listed)
        answer = json.loads(e2e.inquest("py-list", record, "--json", "--frame", "1").out)
        self.assertEqual([frame["function"].rsplit(".", 1)[-1] for frame in answer["frames"]], ["crash"])
        self.assertEqual(e2e.inquest("py-list", record, "--frame", "99").status, 1)
        # A file that only its owner may read is not quoted to root.
        shop = record.parent.parent / "shop.py"
        shop.chmod(0o600)
        try:
            hidden = e2e.inquest("py-list", record).out
        finally:
            shop.chmod(0o644)
        if os.geteuid() == 0:
            self.assertNotIn("kept = [k", hidden)

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
